using EstProv.Certificates.Renewal;

namespace EstProv.Fleet.Simulation;

/// <summary>
/// A fleet in virtual time. When a certificate is tried for is decided by the product's own code (<see cref="RenewalPolicy.FirstTry"/> and <see cref="AttemptGap"/>);
/// this is only the world around: devices that come into being, a server, outages.
/// </summary>
/// <remarks>
/// Each device has an EST identity and a device identity, which waits for the EST identity as the engine has it. An attempt takes no time, certificates are proved as soon as
/// they are issued, and where the EST identity has expired the next attempt is made with the bootstrap identity, which the server takes.
/// </remarks>
internal sealed class FleetSimulation
{
    private const int Kinds = 2;
    private const long NotIssued = 0;

    private static readonly DateTimeOffset Start = new(2027, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly Scenario _scenario;
    private readonly EventQueue _queue;
    private readonly EstServerModel _server;
    private readonly Random _random;
    private readonly Member[] _members;
    private readonly long _end;
    private readonly Traffic _firstIssues;
    private readonly Traffic[] _renewals;
    private readonly TimeSpan?[] _recovered;
    private readonly bool[] _met;
    private readonly bool[] _expired;
    private int _failing;
    private int _missing;
    private long _refused;
    private TimeSpan? _provisionedAt;

    /// <summary>One certificate of one device. Times are milliseconds since the start.</summary>
    private struct Member
    {
        public long NotBefore;

        public long NotAfter;

        public int Failures;

        /// <summary>Due, but the EST identity is not there.</summary>
        public bool Waits;
    }

    private FleetSimulation(Scenario scenario)
    {
        _scenario = scenario;
        _end = (long)scenario.Length.TotalMilliseconds;
        _members = new Member[scenario.Devices * Kinds];
        _missing = _members.Length;
        _queue = new EventQueue(_members.Length, _end);
        _server = new EstServerModel(scenario.Capacity, scenario.RetryAfter, scenario.Outages);
        _random = new Random(scenario.Seed);
        _firstIssues = new Traffic(scenario.Length);
        _renewals = [new Traffic(scenario.Length), new Traffic(scenario.Length)];
        _recovered = new TimeSpan?[scenario.Outages.Count];
        _met = new bool[scenario.Outages.Count];
        _expired = new bool[scenario.Devices];
    }

    /// <param name="progress">Told the time and the number of attempts, once a virtual day.</param>
    public static Outcome Run(Scenario scenario, Action<TimeSpan, long>? progress = null) => new FleetSimulation(scenario).Run(progress);

    private Outcome Run(Action<TimeSpan, long>? progress)
    {
        for (var device = 0; device < _scenario.Devices; device++)
        {
            var made = (long)(device * TimeSpan.MillisecondsPerMinute / (double)_scenario.MadePerMinute);
            _queue.Add(device * Kinds + (int)CertificateKind.EstIdentity, made);
            _members[device * Kinds + (int)CertificateKind.DeviceIdentity].Waits = true;
        }

        var (attempts, day) = (0L, 0L);
        while (_queue.TryTake(out var member, out var now))
        {
            Attempt(member, now);
            attempts++;
            if (now < day) continue;
            progress?.Invoke(TimeSpan.FromMilliseconds(now), attempts);
            day = now + TimeSpan.MillisecondsPerDay;
        }

        for (var member = 0; member < _members.Length; member++) NoteExpiry(member, _end);
        for (var i = 0; i < _met.Length; i++)
        {
            if (!_met[i]) _recovered[i] = TimeSpan.Zero;
        }

        var all = new Traffic(_scenario.Length);
        all.Add(_firstIssues);
        foreach (var renewals in _renewals) all.Add(renewals);
        return new Outcome
        {
            Scenario = _scenario,
            FirstIssues = _firstIssues,
            Renewals = _renewals,
            All = all,
            ProvisionedAt = _provisionedAt,
            Refused = _refused,
            Expired = _expired.Count(static expired => expired),
            RecoveredAfter = _recovered,
        };
    }

    private void Attempt(int index, long now)
    {
        ref var member = ref _members[index];
        var kind = (CertificateKind)(index % Kinds);
        if (kind == CertificateKind.DeviceIdentity && _members[index - 1].NotAfter <= now)
        {
            member.Waits = true;
            return;
        }

        (member.NotAfter == NotIssued ? _firstIssues : _renewals[(int)kind]).Count(now);
        var (answer, retryAfter) = _server.Ask(now);
        if (answer == Answer.Issued) Succeed(index, now);
        else Fail(ref member, index, now, answer, retryAfter);
    }

    private void Succeed(int index, long now)
    {
        ref var member = ref _members[index];
        NoteExpiry(index, now);
        if (member.NotAfter == NotIssued && --_missing == 0) _provisionedAt = TimeSpan.FromMilliseconds(now);
        (member.NotBefore, member.NotAfter) = (now, now + (long)_scenario.Life.TotalMilliseconds);
        var due = _scenario.Policy.FirstTry(Time(member.NotBefore), Time(member.NotAfter), Time(now), _random.NextDouble());
        _queue.Add(index, Milliseconds(due - Start));
        if (member.Failures > 0)
        {
            member.Failures = 0;
            if (--_failing == 0) NoteRecovery(now);
        }

        if (index % Kinds != (int)CertificateKind.EstIdentity) return;
        ref var waiting = ref _members[index + 1];
        if (!waiting.Waits) return;
        waiting.Waits = false;
        _queue.Add(index + 1, now);
    }

    private void Fail(ref Member member, int index, long now, Answer answer, TimeSpan? retryAfter)
    {
        if (answer == Answer.Busy) _refused++;
        else NoteOutage(now);
        if (member.Failures++ == 0) _failing++;
        var jitter = _random.NextDouble();
        var gap = member.NotAfter == NotIssued
            ? AttemptGap.OfFirstIssue(member.Failures, jitter, retryAfter)
            : AttemptGap.OfRenewal(_scenario.Policy, member.Failures, Time(member.NotBefore), Time(member.NotAfter), Time(now), jitter, retryAfter);
        _queue.Add(index, now + Milliseconds(gap));
    }

    private void NoteExpiry(int index, long now)
    {
        if (_members[index].NotAfter is not NotIssued and var end && end <= now) _expired[index / Kinds] = true;
    }

    private void NoteOutage(long now)
    {
        for (var i = 0; i < _met.Length; i++) _met[i] |= _scenario.Outages[i].Covers(TimeSpan.FromMilliseconds(now));
    }

    private void NoteRecovery(long now)
    {
        for (var i = 0; i < _recovered.Length; i++)
        {
            var since = TimeSpan.FromMilliseconds(now) - _scenario.Outages[i].Until;
            if (_met[i] && since >= TimeSpan.Zero) _recovered[i] ??= since;
        }
    }

    private static DateTimeOffset Time(long milliseconds) => Start.AddTicks(milliseconds * TimeSpan.TicksPerMillisecond);

    private static long Milliseconds(TimeSpan time) => time.Ticks / TimeSpan.TicksPerMillisecond;
}
