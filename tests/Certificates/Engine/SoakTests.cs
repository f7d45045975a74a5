using System.Diagnostics;
using System.Globalization;
using EstProv.Certificates.Tests.Support;
using EstProv.Simulator;
using EstProv.Simulator.Faults;

namespace EstProv.Certificates.Tests.Engine;

/// <summary>A device over three years with all that happens to one: renewals, outages, restarts, a long sleep.</summary>
public sealed class SoakTests
{
    private const long Grown = 512 * 1024;

    /// <summary>certd keeps so many connections to keyd, as many as it has needed at once: both ends are in this process.</summary>
    private const int KeptConnections = 2 * 4;

    private static readonly TimeSpan Life = TimeSpan.FromDays(90);

    /// <summary>keyd ends a thread that has had nothing to do for five seconds.</summary>
    private static readonly TimeSpan WorkerIsKept = TimeSpan.FromSeconds(6);

    private sealed record Held(
        IReadOnlyList<string> TokenObjects,
        IReadOnlyList<string> Files,
        int RunningDescriptors,
        IReadOnlyList<string> Descriptors,
        IReadOnlyList<string> Threads,
        long Managed,
        long Resident)
    {
        public override string ToString() =>
            $"{TokenObjects.Count} token objects, {Files.Count} files, {RunningDescriptors} descriptors ({Descriptors.Count} at rest), {Threads.Count} threads, " +
            $"{Managed / 1024} KiB of managed memory, {Resident / 1024} KiB resident";
    }

    /// <summary>A quarter of a year in an ordinary run; <c>./build.sh fleet</c> asks for three years.</summary>
    private static int Days => int.Parse(Environment.GetEnvironmentVariable("ESTPROV_SOAK_DAYS") ?? "90", CultureInfo.InvariantCulture);

    [Test]
    public async Task After_renewals_outages_restarts_and_a_long_sleep_a_device_holds_what_it_held_at_first()
    {
        await using var device = await TokenDevice.CreateAsync(Life);
        device.Start();
        device.Requests.Ensure("device-id", "device-id", null, TimeSpan.FromSeconds(20), true, CancellationToken.None);
        var start = device.Time.GetUtcNow();
        device.Live(TimeSpan.FromDays(20));
        var first = Measure(device);

        var committed = 0;
        for (var turn = 0; (device.Time.GetUtcNow() - start).TotalDays < Days || turn < Happenings.Length; turn++)
        {
            Happenings[turn % Happenings.Length](device);
            device.Live(TimeSpan.FromDays(30));
            committed += device.Events.All.Count(static seen => seen.Kind == "committed");
            device.ForgetHistory();
        }

        var last = Measure(device);
        TestContext.Out.WriteLine($"{(device.Time.GetUtcNow() - start).TotalDays:0} days, {committed} certificates\nfirst: {first}\nlast:  {last}");
        Assert.That(committed, Is.GreaterThan(Days / 20), "est-id and device-ca every 50 days, device-id every 17, none while it sleeps");
        Assert.That(last.TokenObjects, Is.EqualTo(first.TokenObjects));
        Assert.That(last.Files, Is.EqualTo(first.Files));
        Assert.That(last.Descriptors, Is.EqualTo(first.Descriptors));
        Assert.That(last.RunningDescriptors, Is.LessThanOrEqualTo(first.RunningDescriptors + KeptConnections));
        Assert.That(last.Threads, Is.EqualTo(first.Threads), () => $"{string.Join(' ', first.Threads)}\n{string.Join(' ', last.Threads)}");
        Assert.That(last.Managed, Is.LessThan(first.Managed + Grown));
    }

    private static readonly Action<TokenDevice>[] Happenings =
    [
        static device => device.Restart(),
        static device => Outage(device, TimeSpan.FromDays(7), new FaultRule { Kind = FaultKind.Reset, Service = SimulatorService.Est }),
        static device => Outage(device, TimeSpan.FromDays(2), new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Est, Status = 503, RetryAfter = 3600 }),
        static device =>
        {
            device.Keyd.Stop();
            device.Live(TimeSpan.FromHours(1));
            device.Keyd.Start();
        },
        static device =>
        {
            // Everything expires meanwhile.
            device.Stop();
            device.Time.Advance(TimeSpan.FromDays(100));
            device.Keyd.Restart();
            device.Start();
        },
    ];

    private static void Outage(TokenDevice device, TimeSpan length, FaultRule rule)
    {
        var fault = device.Simulator.AddFault(rule);
        device.Live(length);
        device.Simulator.Faults.Remove(fault);
    }

    /// <summary>When everything has been of use once, so that nothing is kept of what was before; first as it runs, then with certd stopped and keyd just started.</summary>
    private static Held Measure(TokenDevice device)
    {
        for (var day = 0; !device.IsSettled(); day++)
        {
            Assert.That(day, Is.LessThan(120), "it does not settle");
            device.Live(TimeSpan.FromDays(1));
        }

        device.ForgetHistory();
        device.Simulator.CloseConnections();
        var running = Settled(ProcessCounts.Descriptors, TimeSpan.FromSeconds(1)).Count;
        device.Stop();
        device.Keyd.Restart();
        device.Simulator.CloseConnections();
        var threads = Settled(ProcessCounts.Threads, WorkerIsKept);
        var descriptors = Settled(ProcessCounts.Descriptors, TimeSpan.FromSeconds(1));
        var files = Directory.EnumerateFiles(device.CertdHome, "*", SearchOption.AllDirectories).Concat(Directory.EnumerateFiles(device.Keyd.Home, "*", SearchOption.AllDirectories));
        var held = new Held(
            device.TokenObjects(), [.. files.Order(StringComparer.Ordinal)], running, descriptors, threads, ProcessCounts.ManagedMemory(), ProcessCounts.Resident());
        device.Start();
        return held;
    }

    /// <summary>Connections take a moment to close on both sides, and threads to end: what does not change for so long is what there is.</summary>
    private static IReadOnlyList<string> Settled(Func<IReadOnlyList<string>> look, TimeSpan unchanged)
    {
        var (seen, since) = (look(), Stopwatch.GetTimestamp());
        while (Stopwatch.GetElapsedTime(since) < unchanged)
        {
            Thread.Sleep(50);
            var now = look();
            if (!now.SequenceEqual(seen)) since = Stopwatch.GetTimestamp();
            seen = now;
        }

        return seen;
    }
}
