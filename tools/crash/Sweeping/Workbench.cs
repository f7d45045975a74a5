using EstProv.Crash.Checks;
using EstProv.Crash.Device;
using EstProv.Simulator;
using EstProv.Simulator.Faults;
using EstProv.Simulator.Hub;

namespace EstProv.Crash.Sweeping;

/// <summary>
/// One device and its servers: set up once, then put back for each point. Certificates live for 25 days; the next renewal is due 20 days
/// later, by daemons and servers whose
/// clocks are ahead.
/// </summary>
internal sealed class Workbench : IAsyncDisposable
{
    private const string ScopeId = "0ne00CRASH0";

    private static readonly TimeSpan s_life = TimeSpan.FromDays(25), s_step = TimeSpan.FromDays(20);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_glance = TimeSpan.FromMilliseconds(20), s_aftermath = TimeSpan.FromMilliseconds(300);

    private readonly SweepOptions _options;
    private readonly SimulatorHost _simulator;
    private readonly DeviceFolder _device;
    private readonly TokenObjects _token;
    private readonly string _folder;
    private readonly IReadOnlyDictionary<string, string> _certificates;
    private readonly byte[] _operatorFile;
    private readonly Modules _modules;

    /// <summary>What the hub has of the provisioned device.</summary>
    private readonly HubDevice _registered;

    /// <summary>Whose certificate somebody has been told before the power went: it must not be lost.</summary>
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);

    private Workbench(SweepOptions options, SimulatorHost simulator, string folder, Scenario first)
    {
        (_options, _simulator, _folder) = (options, simulator, folder);
        _device = new DeviceFolder(At("device"));
        _device.SetUp(simulator, ScopeId, first.LocalMint);
        _operatorFile = File.ReadAllBytes(_device.At("bootstrap.cer"));
        _modules = new Modules(_device);
        _token = new TokenObjects(_device);
        _device.Save(At("blank"));
        using (var daemons = Daemons.StartFreely(options, _device, TimeSpan.Zero))
        {
            try
            {
                _certificates = Settle(daemons, first, new Dictionary<string, string>());
            }
            catch (Finding finding)
            {
                throw new HarnessException($"a device that nobody interrupts is not provisioned: {finding.Message}", finding);
            }
        }

        _device.Save(At("provisioned"));
        _registered = simulator.Devices.Find(DeviceFolder.Name)!;
    }

    public static async Task<Workbench> SetUpAsync(SweepOptions options, string folder, bool localMint)
    {
        Folders.Remove(folder);
        Directory.CreateDirectory(folder);
        var simulator = await SimulatorHost.StartAsync(new SimulatorOptions
        {
            Data = Path.Combine(folder, "pki"),
            EstHost = "localhost",
            DpsHost = "localhost",
            AssignedHub = "auto",
            ScopeId = ScopeId,
            RetryAfter = 0,
            AssigningPolls = 0,
            Validity = (long)s_life.TotalSeconds,
        });
        return new Workbench(options, simulator, folder, Scenarios.All.First(s => s.LocalMint == localMint && s.Start == Start.Blank));
    }

    /// <summary>How many calls there are to be interrupted.</summary>
    public CutReport Count(Scenario scenario) => Repeat(() => CountOnce(scenario));

    private CutReport CountOnce(Scenario scenario)
    {
        using var daemons = Begin(scenario, null);
        if (!Watch(daemons, scenario))
            throw new HarnessException($"a daemon ended in the middle of an uninterrupted {scenario.Name}: {daemons.End().EndedAlone}");
        Thread.Sleep(s_aftermath);
        return daemons.End();
    }

    /// <summary>
    /// Interrupts the scenario at the point and judges every state in which that could have left the device. Empty: the point was not
    /// reached.
    /// </summary>
    public IReadOnlyList<Outcome> Try(Point point)
    {
        CutReport report;
        try
        {
            report = Repeat(() => Interrupt(point));
        }
        catch (StalledException) when (!_device.IsTokenWhole)
        {
            // It is this very call: nobody's keys outlive it.
            return [];
        }

        if (report.EndedAlone is { } alone) return [Judged(point, "killed", "before the point", $"a daemon ended by itself: {alone}")];
        if (report.Killed is not { } where) return [];
        _device.Save(At("crashed"));
        var (registered, progress) = (_simulator.Devices.Find(DeviceFolder.Name), _modules.Progress);
        var outcomes = new List<Outcome> { Judge(point, "killed", where) };
        foreach (var way in report.Images)
        {
            _device.Restore(At("crashed"));
            SetHub(registered);
            _modules.Progress = progress;
            foreach (var daemon in Daemons.Names) Folders.Replace(Path.Combine(At("images"), way, daemon), _device.At(daemon));
            outcomes.Add(Judge(point, way, where));
        }

        return outcomes;
    }

    private CutReport Interrupt(Point point)
    {
        using var daemons = Begin(point.Scenario, point);
        if (Watch(daemons, point.Scenario)) Thread.Sleep(s_aftermath);
        var report = daemons.End();
        // At each login SoftHSM2 writes the token's own file in its place: cut there, the token is lost with everybody's keys in it.
        return _device.IsTokenWhole ? report : throw new StalledException($"SoftHSM2 was writing the file of the token itself at {point}");
    }

    private static CutReport Repeat(Func<CutReport> run)
    {
        const int Most = 3;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return run();
            }
            catch (StalledException stalled) when (attempt < Most)
            {
                Console.WriteLine($"   once more: {stalled.Message}");
            }
        }
    }

    public async ValueTask DisposeAsync() => await _simulator.DisposeAsync();

    private string At(string name) => Path.Combine(_folder, name);

    private Daemons Begin(Scenario scenario, Point? point)
    {
        _device.Restore(At(scenario.Start == Start.Provisioned ? "provisioned" : "blank"));
        SetHub(scenario.Start == Start.Provisioned ? _registered : null);
        if (scenario.Work == Work.Modules) _modules.Begin();
        else _device.SetHostModule(null);
        _device.SetSource(hasCloud: scenario.Work != Work.WithoutCloud);
        Folders.Remove(At("images"));
        Directory.CreateDirectory(At("images"));
        Folders.Remove(_device.At("log"));
        Directory.CreateDirectory(_device.At("log"));
        return Daemons.StartWatched(_options, _device, SetClock(scenario.Renewal ? s_step : TimeSpan.Zero), point, At("images"));
    }

    private void SetHub(HubDevice? device) => _simulator.Devices.Change(DeviceFolder.Name, _ => device);

    private TimeSpan SetClock(TimeSpan ahead) => _simulator.Clock.Offset = ahead;

    private IReadOnlyDictionary<string, string> Before(Scenario scenario) =>
        scenario.Renewal ? _certificates : new Dictionary<string, string>();

    /// <returns>Whether the scenario went through; false when a daemon ended before.</returns>
    private bool Watch(Daemons daemons, Scenario scenario)
    {
        using var served = new Served(_device);
        var before = Before(scenario);
        _told.Clear();
        var last = "";
        for (var deadline = DateTime.UtcNow + s_patience; DateTime.UtcNow < deadline; Thread.Sleep(s_glance))
        {
            if (daemons.HasEnded) return false;
            try
            {
                foreach (var id in scenario.Ids)
                {
                    using var certificate = served.Certificate(id);
                    if (certificate is not null) _told.Add(id);
                }

                last = served.FaultOfRest(scenario.Ids) ?? Renewed(served, scenario, before, out _) ?? Worked(served, scenario);
                if (last is null) return true;
            }
            catch (Finding)
            {
                // The daemons are being killed, or have not all begun.
                continue;
            }
        }

        throw new StalledException(
            $"{scenario.Name} goes neither on nor to its end: {last}; the daemons' lines are in {_device.At("log")}");
    }

    private Outcome Judge(Point point, string way, string where)
    {
        var ahead = point.Scenario.Renewal ? s_step : TimeSpan.Zero;
        try
        {
            IReadOnlyDictionary<string, string> certificates;
            using (var daemons = Daemons.StartFreely(_options, _device, SetClock(ahead)))
            {
                if (point.Scenario.Work == Work.Modules) CheckRemembered(daemons);
                CheckFirstAnswers(daemons, point.Scenario, ahead);
                certificates = Settle(daemons, point.Scenario, Before(point.Scenario));
            }

            using (var daemons = Daemons.StartFreely(_options, _device, SetClock(ahead + s_step)))
            {
                Settle(daemons, point.Scenario, certificates);
            }

            var file = File.ReadAllBytes(_device.At("bootstrap.cer"));
            if (!file.AsSpan().SequenceEqual(_operatorFile)) throw new Finding("the operator's file was changed");
            return Judged(point, way, where, null);
        }
        catch (Finding finding)
        {
            return Judged(point, way, where, finding.Message);
        }
    }

    private Outcome Judged(Point point, string way, string where, string? fault)
    {
        if (fault is not null)
        {
            var kept = Path.Combine(_options.Folder, "findings", $"{point}-{way}".Replace(' ', '-'));
            Folders.Replace(_device.Root, Path.Combine(kept, "device"));
            if (Directory.Exists(At("crashed"))) Folders.Replace(At("crashed"), Path.Combine(kept, "crashed"));
            if (Directory.Exists(At("images"))) Folders.Replace(At("images"), Path.Combine(kept, "images"));
        }

        return new Outcome(point, way, where, fault);
    }

    /// <summary>
    /// What is served from the first answer on: a device that had certificates has each of them, the old or a new one, valid, with its
    /// key; and it knows who it is. The
    /// same holds of what a blank one had come to; and nothing is served that has no key.
    /// </summary>
    private void CheckFirstAnswers(Daemons daemons, Scenario scenario, TimeSpan ahead)
    {
        using var served = new Served(_device);
        foreach (var id in scenario.Ids)
        {
            WaitFor(daemons, () => Answer(() =>
            {
                using var certificate = served.Certificate(id);
                if (certificate is null && (scenario.Start == Start.Provisioned || _told.Contains(id)))
                    throw new Finding($"the certificate of {id} is lost");
                if (certificate is null) return null;
                var now = DateTime.UtcNow + ahead;
                if (certificate.NotBefore.ToUniversalTime() > now || certificate.NotAfter.ToUniversalTime() < now)
                    throw new Finding($"what is served as {id} is not valid: {certificate}");
                return served.FaultOfKey(id, certificate, current: false) is not { } fault ? null
                    : fault.Contains("answer", StringComparison.Ordinal) ? fault : throw new Finding(fault);
            }));
        }

        if (scenario.Start == Start.Provisioned) WaitFor(daemons, () => Answer(served.FaultOfIdentity));
    }

    /// <summary>
    /// What somebody was told of a module is remembered: it is served while the hub cannot be asked, and its handle signs. Then the operator
    /// and the module runtime go on with their work.
    /// </summary>
    private void CheckRemembered(Daemons daemons)
    {
        using var served = new Served(_device);
        var fault = _simulator.AddFault(new FaultRule { Kind = FaultKind.Status, Service = SimulatorService.Hub });
        try
        {
            foreach (var name in _modules.Progress.Told) WaitFor(daemons, () => served.Modules.FaultOf(name));
        }
        finally
        {
            // Whatever is found, the points after this one have a hub that answers.
            _simulator.Faults.Remove(fault);
        }

        _modules.GoOn();
    }

    /// <summary>Null when what there was to do beside certificates is done.</summary>
    private string? Worked(Served served, Scenario scenario) => scenario.Work == Work.Modules
        ? _modules.Step(served.Identityd) ?? served.Modules.FaultOfAll(Modules.Final, _simulator.Devices.Find(DeviceFolder.Name))
        : null;

    /// <summary>Waits until everything is renewed and nothing under way, and tells the certificates' serial numbers.</summary>
    private Dictionary<string, string> Settle(Daemons daemons, Scenario scenario, IReadOnlyDictionary<string, string> before)
    {
        using var served = new Served(_device);
        var certificates = new Dictionary<string, string>();
        WaitFor(daemons, () => Answer(() => served.FaultOfRest(scenario.Ids)
            ?? Renewed(served, scenario, before, out certificates)
            ?? served.FaultOfIdentity()
            ?? Worked(served, scenario)
            ?? _token.FindFault(scenario.Ids)));
        return certificates;
    }

    private static string? Renewed(
        Served served, Scenario scenario, IReadOnlyDictionary<string, string> before, out Dictionary<string, string> certificates)
    {
        certificates = [];
        foreach (var id in scenario.Ids)
        {
            using var certificate = served.Certificate(id);
            if (certificate is null) return $"there is no certificate {id}";
            if (before.TryGetValue(id, out var old) && old == certificate.SerialNumber) return $"{id} has not been renewed";
            if (served.FaultOfKey(id, certificate, current: true) is { } fault) return fault;
            certificates[id] = certificate.SerialNumber;
        }

        return null;
    }

    /// <summary>A daemon that does not answer yet is no finding before the patience ends.</summary>
    private static string? Answer(Func<string?> question)
    {
        try
        {
            return question();
        }
        catch (Finding finding) when (finding.Message == "certd does not answer")
        {
            return finding.Message;
        }
    }

    private static void WaitFor(Daemons daemons, Func<string?> fault)
    {
        var last = "";
        for (var deadline = DateTime.UtcNow + s_patience; DateTime.UtcNow < deadline; Thread.Sleep(s_glance))
        {
            last = fault();
            if (last is null) return;
            if (daemons.HasEnded) throw new Finding($"a daemon ended after the restart: {daemons.End().EndedAlone}");
        }

        throw new Finding(last);
    }
}
