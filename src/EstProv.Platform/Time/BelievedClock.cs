namespace EstProv.Platform.Time;

/// <summary>
/// The device's clock with a floor under it: boards without a battery start in 1970, and a certificate must not be judged by such a
/// clock.
/// </summary>
/// <remarks>
/// The wall clock is believed only when it is later than all that is known to have passed: the build of this program, the last time
/// that an authenticated server told us, and the start of our own certificates. The last time is stored only when a server
/// corroborated it, so that one boot in 2040 does not poison the floor.
/// </remarks>
public sealed class BelievedClock
{
    private readonly TimeProvider _time;
    private readonly string? _stateFile;
    private readonly Lock _gate = new();
    private DateTimeOffset _floor;
    private DateTimeOffset _stored;

    /// <param name="time">The wall clock.</param>
    /// <param name="buildTime">When this program was built; nothing can be earlier.</param>
    /// <param name="stateFile">Where the corroborated time is kept over restarts (text, ISO 8601); null keeps it in memory only.</param>
    public BelievedClock(TimeProvider time, DateTimeOffset buildTime, string? stateFile = null)
    {
        _time = time;
        _stateFile = stateFile;
        _floor = buildTime;
        if (stateFile is not null && File.Exists(stateFile)
            && DateTimeOffset.TryParse(File.ReadAllText(stateFile).Trim(), out var stored))
        {
            _stored = stored;
            if (stored > _floor) _floor = stored;
        }
    }

    public TimeProvider TimeProvider => _time;

    /// <summary>The earliest time that it can be now.</summary>
    public DateTimeOffset Floor
    {
        get
        {
            lock (_gate) return _floor;
        }
    }

    /// <summary>Whether the wall clock may be used to judge a certificate.</summary>
    public bool IsBelieved => _time.GetUtcNow() >= Floor;

    /// <summary>The wall clock where it is believed, else the floor.</summary>
    public DateTimeOffset Now
    {
        get
        {
            var now = _time.GetUtcNow();
            var floor = Floor;
            return now >= floor ? now : floor;
        }
    }

    /// <summary>Something that surely has happened, such as the start of one of our own certificates.</summary>
    public void Raise(DateTimeOffset happened)
    {
        lock (_gate)
        {
            if (happened > _floor) _floor = happened;
        }
    }

    /// <summary>
    /// An authenticated server said what time it is. Raises the floor and stores it, at most once in an hour's progress, since flash
    /// memory wears.
    /// </summary>
    public void Corroborate(DateTimeOffset serverTime)
    {
        lock (_gate)
        {
            if (serverTime > _floor) _floor = serverTime;
            if (_stateFile is null || serverTime < _stored + TimeSpan.FromHours(1)) return;
            _stored = serverTime;
        }

        AtomicFile.Write(_stateFile, System.Text.Encoding.ASCII.GetBytes(serverTime.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ") + "\n"));
    }
}
