using EstProv.Identity.Hub;
using EstProv.Platform;
using EstProv.Platform.Time;

namespace EstProv.Identity.Modules;

/// <summary>
/// Module identities: made, changed and removed in the hub, told as the hub has them, and as they were seen last while the hub cannot be asked. One change at
/// a time, any number of questions.
/// </summary>
/// <remarks>Errors: <see cref="HubCodes"/>, <c>not_provisioned</c>, <c>no_hub</c>, the other daemons' own.</remarks>
internal sealed class ModuleService(HubAccess hub, ModuleRegister register, ModuleKeys keys, ModuleEvents events, BelievedClock clock) : IDisposable
{
    private const int MostAttempts = 3;

    /// <summary>For so long nobody waits for a hub that was not there a moment ago.</summary>
    private static readonly TimeSpan OfflineFor = TimeSpan.FromSeconds(20);

    private readonly SemaphoreSlim _changing = new(1, 1);
    private readonly Lock _gate = new();
    private ProblemException? _offline;
    private long _offlineAt;
    private bool _offlineTold;

    /// <summary>Makes a module with keys of ours. One that is there already gets them, and keeps its generation.</summary>
    /// <param name="managedBy">Null leaves it as it is.</param>
    public Task<ModuleIdentity> CreateAsync(string moduleId, string? managedBy, CancellationToken cancel)
        => ChangeAsync(client => MakeAsync(client, moduleId, managedBy, isHosts: false, cancel), cancel);

    /// <summary>Makes the module of a <c>[[principal]]</c>, which goes with that; where it is as it should be, nothing is sent.</summary>
    /// <param name="listed">What the hub has just listed.</param>
    public Task<ModuleIdentity> EnsureHostsAsync(string moduleId, IReadOnlyList<HubModule> listed, CancellationToken cancel) => ChangeAsync(async client =>
    {
        HubModule? found = null;
        foreach (var module in listed)
        {
            if (module.ModuleId == moduleId) found = module;
        }

        if (found is null) return await MakeAsync(client, moduleId, null, isHosts: true, cancel);
        var known = register.Find(client.Device, moduleId);
        if (known?.GenerationId == found.GenerationId && known.Mark == keys.Mark()) return Told(client.Device, known);
        return await GiveKeysAsync(client, found, null, cancel);
    }, cancel);

    /// <summary>Gives a module of the hub's its keys anew.</summary>
    /// <exception cref="ProblemException"><c>module_not_found</c>.</exception>
    public Task<ModuleIdentity> UpdateAsync(string moduleId, string? managedBy, CancellationToken cancel)
        => ChangeAsync(async client => await GiveKeysAsync(client, await AskAsync(client, moduleId, cancel), managedBy, cancel), cancel);

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
        if (Offline() is { } since && register.Find(device, moduleId) is { GenerationId.Length: > 0 } recent) return Served(device, recent, since);
        try
        {
            return await ReachAsync(async client =>
            {
                var module = await AskAsync(client, moduleId, cancel);
                return new ModuleIdentity(client.Device, module.ModuleId, module.GenerationId, null);
            }, cancel);
        }
        catch (ProblemException offline) when (HubCodes.IsOffline(offline) && register.Find(device, moduleId) is { GenerationId.Length: > 0 } known)
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
                foreach (var module in await ListAsync(client, cancel)) listed.Add(new ModuleIdentity(client.Device, module.ModuleId, module.GenerationId, null));
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

    private async Task<ModuleIdentity> MakeAsync(HubClient client, string moduleId, string? managedBy, bool isHosts, CancellationToken cancel)
    {
        // Said before it is done: whose answer is lost with the power is known to be ours all the same.
        var begun = isHosts && register.Find(client.Device, moduleId) is not { GenerationId.Length: > 0 };
        if (begun) register.Put(client.Device, new KnownModule { ModuleId = moduleId, GenerationId = "", IsHosts = true, Seen = clock.Now });
        HubModule module;
        try
        {
            module = await client.CreateAsync(moduleId, managedBy, cancel);
            events.Created(client.Device, moduleId, module.GenerationId);
        }
        catch (ProblemException problem) when (problem.Code == HubCodes.Conflict)
        {
            // Somebody else made it: it is his to remove.
            if (begun) register.Remove(client.Device, moduleId);
            module = await AskAsync(client, moduleId, cancel);
        }

        register.Saw(client.Device, module, clock.Now);
        return await GiveKeysAsync(client, module, managedBy, cancel);
    }

    /// <summary>Derives the keys, registers them, and forgets them.</summary>
    private async Task<ModuleIdentity> GiveKeysAsync(HubClient client, HubModule module, string? managedBy, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            var mark = keys.Mark();
            try
            {
                HubModule updated;
                using (var authentication = keys.Export(module.ModuleId, module.GenerationId)) updated = await client.UpdateAsync(module, managedBy, authentication, cancel);
                register.Saw(client.Device, updated, clock.Now);
                var known = register.Find(client.Device, module.ModuleId)! with { Mark = mark };
                register.Put(client.Device, known);
                events.Updated(client.Device, updated.ModuleId, updated.GenerationId);
                return Told(client.Device, known);
            }
            catch (ProblemException problem) when (problem.Code == HubCodes.Changed && attempt < MostAttempts)
            {
                module = await AskAsync(client, module.ModuleId, cancel);
            }
        }
    }

    private async Task<HubModule> AskAsync(HubClient client, string moduleId, CancellationToken cancel)
    {
        try
        {
            var module = await client.GetAsync(moduleId, cancel);
            register.Saw(client.Device, module, clock.Now);
            return module;
        }
        catch (ProblemException problem) when (problem.Code == HubCodes.ModuleNotFound)
        {
            register.Missed(client.Device, moduleId);
            throw;
        }
    }

    private async Task<List<HubModule>> ListAsync(HubClient client, CancellationToken cancel)
    {
        var asked = clock.Now;
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

    private static ModuleIdentity Told(HubDevice device, KnownModule module) => new(device, module.ModuleId, module.GenerationId, null);

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
