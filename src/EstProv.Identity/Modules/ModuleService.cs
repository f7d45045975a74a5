using EstProv.Identity.Hub;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Identity.Modules;

/// <summary>
/// Module identities: made, changed and removed in the hub, told as the hub has them, and as they were seen last while the hub cannot be
/// asked. One change at a time, any number of questions.
/// </summary>
/// <remarks>Errors: <see cref="HubCodes"/>, <c>not_provisioned</c>, <c>no_hub</c>, the other daemons' own.</remarks>
internal sealed class ModuleService(
    HubAccess hub, ModuleRegister register, ModuleKeys keys, ModuleCertificates certificates, ModuleEvents events, BelievedClock clock)
        : IDisposable
{
    private const int MostAttempts = 3;

    /// <summary>For so long nobody waits for a hub that was not there a moment ago.</summary>
    private static readonly TimeSpan OfflineFor = TimeSpan.FromSeconds(20);

    private readonly DerivedKeys _derived = new(keys);
    private readonly SemaphoreSlim _changing = new(1, 1);
    private readonly Lock _gate = new();
    private ProblemException? _offline;
    private long _offlineAt;
    private bool _offlineTold;

    /// <summary>Makes a module with keys of ours. One that is there already gets them, and keeps its generation.</summary>
    /// <param name="managedBy">Null leaves it as it is.</param>
    public Task<ModuleIdentity> CreateAsync(string moduleId, string? managedBy, CancellationToken cancel)
        => ChangeAsync(async client =>
        {
            var made = await MakeAsync(client, moduleId, managedBy, _derived, isHosts: false, cancel);
            return Told(client.Device, made);
        }, cancel);

    /// <summary>Makes the module of a <c>[[principal]]</c>, which goes with that; where it is as it should be, nothing is sent.</summary>
    /// <param name="listed">What the hub has just listed; nothing where it has just said that this module is missing.</param>
    public Task<ModuleIdentity> EnsureHostsAsync(string moduleId, IReadOnlyList<HubModule> listed, CancellationToken cancel)
        => ChangeAsync(async client =>
        {
            var found = await FoundAsync(client, moduleId, listed, cancel);
            if (found is null) return Told(client.Device, await MakeAsync(client, moduleId, null, _derived, isHosts: true, cancel));
            var known = register.Find(client.Device, moduleId);
            var isThere = known?.GenerationId == found.GenerationId && known.Mark == keys.Mark();
            return Told(client.Device, isThere ? found : await RegisterAsync(client, found, null, _derived, cancel));
        }, cancel);

    /// <summary>
    /// As <see cref="EnsureHostsAsync"/>, for a module that shows a certificate. A renewed one is made known to the hub beside the one in
    /// use, then certd is told that it may replace that, and then the hub knows the new one alone: what certd gives out is always accepted.
    /// </summary>
    /// <param name="listed">What the hub has just listed; null where it was not asked, and the module is as it was seen last.</param>
    /// <param name="always">Registers it anew even where it is as it should be.</param>
    /// <exception cref="ProblemException"><c>certificate_pending</c> 503, the Certificates Service's.</exception>
    public async Task<ModuleIdentity> EnsureCertifiedAsync(string moduleId, string? managedBy, IReadOnlyList<HubModule>? listed,
        bool always, CancellationToken cancel)
    {
        // Others need not wait for an EST server.
        var certificate = await certificates.GetAsync(moduleId, hub.Device.DeviceId, cancel);
        return await ChangeAsync(async client =>
        {
            // Who came before may have made a staged one known, and it is in use by now.
            var now = certificate.StagedSpki is null ? certificate
                : await certificates.GetAsync(moduleId, client.Device.DeviceId, cancel);
            return await CertifyAsync(client, moduleId, managedBy, now, listed, always, cancel);
        }, cancel);
    }

    /// <summary>Whether the module was registered with a certificate.</summary>
    public bool IsCertified(string moduleId) => Thumbprints.IsMark(register.Find(hub.Device, moduleId)?.Mark);

    /// <summary>Gives a module of the hub's its keys anew.</summary>
    /// <exception cref="ProblemException"><c>module_not_found</c>.</exception>
    public Task<ModuleIdentity> UpdateAsync(string moduleId, string? managedBy, CancellationToken cancel)
        => ChangeAsync(async client =>
        {
            var found = await AskAsync(client, moduleId, cancel);
            return Told(client.Device, await RegisterAsync(client, found, managedBy, _derived, cancel));
        }, cancel);

    /// <exception cref="ProblemException"><c>module_not_found</c>.</exception>
    public Task DeleteAsync(string moduleId, string why, CancellationToken cancel) => ChangeAsync(async client =>
    {
        try
        {
            await client.DeleteAsync(moduleId, cancel);
        }
        catch (ProblemException problem) when (problem.Code == HubCodes.ModuleNotFound)
        {
            register.Remove(client.Device, moduleId);
            throw;
        }

        register.Remove(client.Device, moduleId);
        events.Removed(client.Device, moduleId, why);
        return true;
    }, cancel);

    /// <exception cref="ProblemException"><c>module_not_found</c>.</exception>
    public async Task<ModuleIdentity> GetAsync(string moduleId, CancellationToken cancel)
    {
        var device = hub.Device;
        if (Offline() is { } since && register.Find(device, moduleId) is { GenerationId.Length: > 0 } recent)
            return Served(device, recent, since);
        try
        {
            return await ReachAsync(async client =>
            {
                var module = await AskAsync(client, moduleId, cancel);
                return Told(client.Device, module);
            }, cancel);
        }
        catch (ProblemException offline) when (HubCodes.IsOffline(offline)
            && register.Find(device, moduleId) is { GenerationId.Length: > 0 } known)
        {
            return Served(device, known, offline);
        }
    }

    public async Task<ModuleList> ListAsync(CancellationToken cancel)
    {
        var device = hub.Device;
        if (Offline() is { } since && register.All(device) is { Count: > 0 } recent) return Served(device, recent, since);
        try
        {
            return await ReachAsync(async client =>
            {
                var listed = new List<ModuleIdentity>();
                foreach (var module in await ListAsync(client, cancel)) listed.Add(Told(client.Device, module));
                return new ModuleList(client.Device, listed, null);
            }, cancel);
        }
        catch (ProblemException offline) when (HubCodes.IsOffline(offline) && register.All(device) is { Count: > 0 } known)
        {
            return Served(device, known, offline);
        }
    }

    /// <summary>What the hub has, never what it had.</summary>
    public Task<(HubDevice Device, List<HubModule> Modules)> ListNowAsync(CancellationToken cancel)
        => ReachAsync(async client => (client.Device, await ListAsync(client, cancel)), cancel);

    public void Dispose() => _changing.Dispose();

    private async Task<T> ChangeAsync<T>(Func<HubClient, Task<T>> change, CancellationToken cancel)
    {
        await _changing.WaitAsync(cancel);
        try
        {
            return await ReachAsync(change, cancel);
        }
        finally
        {
            _changing.Release();
        }
    }

    private async Task<T> ReachAsync<T>(Func<HubClient, Task<T>> question, CancellationToken cancel)
    {
        try
        {
            var answer = await hub.AskAsync(question, cancel);
            lock (_gate) (_offline, _offlineTold) = (null, false);
            return answer;
        }
        catch (ProblemException problem) when (HubCodes.IsOffline(problem))
        {
            lock (_gate) (_offline, _offlineAt) = (problem, clock.TimeProvider.GetTimestamp());
            throw;
        }
    }

    private async Task<ModuleIdentity> CertifyAsync(HubClient client, string moduleId, string? managedBy, ModuleCertificate certificate,
        IReadOnlyList<HubModule>? listed, bool always, CancellationToken cancel)
    {
        var wanted = new Thumbprints(certificate.Thumbprint, certificate.InUse);
        var known = register.Find(client.Device, moduleId);
        var found = listed is null ? null : await FoundAsync(client, moduleId, listed, cancel);
        var isThere = known is not null && known.Mark == wanted.Mark
            && (listed is null || (found?.GenerationId == known.GenerationId && wanted.AreThoseOf(found)));
        if (isThere && !always && certificate.StagedSpki is null)
            return new ModuleIdentity(client.Device, moduleId, known!.GenerationId, null);
        if (listed is null && known is not null) found = await FindAsync(client, moduleId, cancel);
        var now = found is null ? await MakeAsync(client, moduleId, managedBy, wanted, isHosts: true, cancel)
            : await RegisterAsync(client, found, managedBy, wanted, cancel);
        if (certificate.StagedSpki is null) return Told(client.Device, now);
        // What stands in the registry is what the hub goes by: there is nothing else to prove it with on behalf of somebody else.
        await certificates.ConfirmAsync(certificate, cancel);
        if (certificate.InUse is null) return Told(client.Device, now);
        // The key of the one before is destroyed by now.
        return Told(client.Device, await RegisterAsync(client, now, managedBy, new Thumbprints(certificate.Thumbprint, null), cancel));
    }

    private async Task<HubModule> MakeAsync(HubClient client, string moduleId, string? managedBy, ModuleCredential credential, bool isHosts,
        CancellationToken cancel)
    {
        // Said before it is done: whose answer is lost with the power is known to be ours all the same.
        var begun = isHosts && register.Find(client.Device, moduleId) is null;
        if (begun)
        {
            register.Put(client.Device, new KnownModule { ModuleId = moduleId, GenerationId = "", IsHosts = true, Seen = clock.Now });
        }

        HubModule module;
        try
        {
            using var authentication = credential.BeforeGeneration;
            module = await client.CreateAsync(moduleId, managedBy, authentication, cancel);
            events.Created(client.Device, moduleId, module.GenerationId);
            if (authentication is not null) return Registered(client.Device, module, credential.Mark);
        }
        catch (ProblemException problem) when (problem.Code == HubCodes.Conflict)
        {
            // Somebody else made it: it is his to remove.
            if (begun) register.Remove(client.Device, moduleId);
            module = await AskAsync(client, moduleId, cancel);
        }

        register.Changed(client.Device, module, null, clock.Now);
        return await RegisterAsync(client, module, managedBy, credential, cancel);
    }

    /// <summary>Says by what the module shows itself; keys are derived for it and forgotten.</summary>
    private async Task<HubModule> RegisterAsync(HubClient client, HubModule module, string? managedBy, ModuleCredential credential,
        CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            var mark = credential.Mark;
            try
            {
                HubModule updated;
                using (var authentication = credential.For(module))
                    updated = await client.UpdateAsync(module, managedBy, authentication, cancel);
                events.Updated(client.Device, updated.ModuleId, updated.GenerationId, Thumbprints.IsMark(mark));
                return Registered(client.Device, updated, mark);
            }
            catch (ProblemException problem) when (problem.Code == HubCodes.Changed && attempt < MostAttempts)
            {
                module = await AskAsync(client, module.ModuleId, cancel);
            }
        }
    }

    private HubModule Registered(HubDevice device, HubModule module, string mark)
    {
        register.Changed(device, module, mark, clock.Now);
        return module;
    }

    /// <summary>The module as it was listed; one that was made since then, while this change waited for its turn, is asked for.</summary>
    private async Task<HubModule?> FoundAsync(HubClient client, string moduleId, IReadOnlyList<HubModule> listed, CancellationToken cancel)
    {
        for (var i = 0; i < listed.Count; i++)
        {
            if (listed[i].ModuleId == moduleId) return listed[i];
        }

        return register.Find(client.Device, moduleId) is { GenerationId.Length: > 0 } ? await FindAsync(client, moduleId, cancel) : null;
    }

    private async Task<HubModule?> FindAsync(HubClient client, string moduleId, CancellationToken cancel)
    {
        try
        {
            return await AskAsync(client, moduleId, cancel);
        }
        catch (ProblemException problem) when (problem.Code == HubCodes.ModuleNotFound)
        {
            return null;
        }
    }

    private async Task<HubModule> AskAsync(HubClient client, string moduleId, CancellationToken cancel)
    {
        var asked = register.Turn;
        try
        {
            var module = await client.GetAsync(moduleId, cancel);
            register.Saw(client.Device, module, asked, clock.Now);
            return module;
        }
        catch (ProblemException problem) when (problem.Code == HubCodes.ModuleNotFound)
        {
            register.Missed(client.Device, moduleId, asked);
            throw;
        }
    }

    private async Task<List<HubModule>> ListAsync(HubClient client, CancellationToken cancel)
    {
        var asked = register.Turn;
        var listed = await client.ListAsync(cancel);
        register.Replace(client.Device, listed, asked, clock.Now);
        return listed;
    }

    private ProblemException? Offline()
    {
        lock (_gate) return _offline is { } problem && clock.TimeProvider.GetElapsedTime(_offlineAt) < OfflineFor ? problem : null;
    }

    /// <summary>Once for each time that the hub stays away.</summary>
    private void Tell(ProblemException offline)
    {
        lock (_gate)
        {
            if (_offlineTold) return;
            _offlineTold = true;
        }

        events.ServedOffline(offline);
    }

    private static ModuleIdentity Told(HubDevice device, HubModule module) => new(device, module.ModuleId, module.GenerationId, null);

    private ModuleIdentity Served(HubDevice device, KnownModule module, ProblemException offline)
    {
        Tell(offline);
        return new ModuleIdentity(device, module.ModuleId, module.GenerationId, AgeOf(module));
    }

    private ModuleList Served(HubDevice device, List<KnownModule> modules, ProblemException offline)
    {
        Tell(offline);
        var served = new List<ModuleIdentity>(modules.Count);
        var oldest = TimeSpan.Zero;
        foreach (var module in modules)
        {
            if (module.GenerationId.Length == 0) continue;
            var age = AgeOf(module);
            if (age > oldest) oldest = age;
            served.Add(new ModuleIdentity(device, module.ModuleId, module.GenerationId, age));
        }

        return new ModuleList(device, served, oldest);
    }

    private TimeSpan AgeOf(KnownModule module) => clock.Now - module.Seen is var age && age > TimeSpan.Zero ? age : TimeSpan.Zero;
}
