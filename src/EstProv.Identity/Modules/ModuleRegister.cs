using EstProv.Identity.Hub;
using EstProv.Platform;

namespace EstProv.Identity.Modules;

/// <summary>
/// The modules that the hub was seen to have, in memory and in <c>modules.json</c>: what offline callers are served from, and which of them
/// are ours to remove. They belong to one device in one hub; with another all are forgotten. Safe from any thread.
/// </summary>
internal sealed class ModuleRegister(ModuleFile file, ModuleEvents events)
{
    /// <summary>
    /// A module that is but seen again is not written for it: flash memory wears. It then seems older than it is, by this much at most.
    /// </summary>
    private static readonly TimeSpan WorthStoring = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();
    private readonly SortedDictionary<string, KnownModule> _modules = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> _storedSeen = new(StringComparer.Ordinal);
    private string _hub = "";
    private string _device = "";
    private bool _unsaved;

    /// <summary>What a former run stored.</summary>
    public void Restore()
    {
        var known = file.Read(out var problem);
        if (problem is not null) events.StateUnusable(problem);
        if (known is null) return;
        lock (_gate)
        {
            (_hub, _device) = (known.Hub, known.DeviceId);
            foreach (var module in known.Modules)
            {
                _modules[module.ModuleId] = module;
                _storedSeen[module.ModuleId] = module.Seen;
            }
        }
    }

    /// <summary>Null when the hub was never seen to have it.</summary>
    public KnownModule? Find(HubDevice device, string moduleId)
    {
        lock (_gate) return IsOf(device) ? _modules.GetValueOrDefault(moduleId) : null;
    }

    public List<KnownModule> All(HubDevice device)
    {
        lock (_gate) return IsOf(device) ? [.. _modules.Values] : [];
    }

    /// <summary>The hub has it so, or is about to.</summary>
    public void Put(HubDevice device, KnownModule module)
    {
        lock (_gate)
        {
            var changed = Belong(device) | PutLocked(module);
            if (changed || _unsaved) Save();
        }
    }

    /// <summary>The hub has it no more.</summary>
    public void Remove(HubDevice device, string moduleId)
    {
        lock (_gate)
        {
            if (!IsOf(device) || !_modules.Remove(moduleId)) return;
            _storedSeen.Remove(moduleId);
            Save();
        }
    }

    /// <summary>
    /// The hub did not have it when it was asked. One whose making was begun here stays: it may be made at this moment, and is ours to
    /// remove.
    /// </summary>
    public void Missed(HubDevice device, string moduleId)
    {
        lock (_gate)
        {
            if (IsOf(device) && _modules.GetValueOrDefault(moduleId) is { GenerationId.Length: > 0 }) Remove(device, moduleId);
        }
    }

    /// <summary>
    /// The hub has these, and no others but those whose making was begun. What is said of them here stays for those of the same generation.
    /// </summary>
    /// <param name="asked">When it was asked: what was seen since then is newer than its answer.</param>
    public void Replace(HubDevice device, IReadOnlyList<HubModule> modules, DateTimeOffset asked, DateTimeOffset now)
    {
        lock (_gate)
        {
            var changed = Belong(device);
            var gone = new HashSet<string>(StringComparer.Ordinal);
            foreach (var known in _modules.Values)
            {
                if (known.Seen < asked && known.GenerationId.Length > 0) gone.Add(known.ModuleId);
            }

            foreach (var module in modules)
            {
                gone.Remove(module.ModuleId);
                changed |= PutLocked(Merge(_modules.GetValueOrDefault(module.ModuleId), module, now));
            }

            foreach (var id in gone)
            {
                _storedSeen.Remove(id);
                changed |= _modules.Remove(id);
            }

            if (changed || _unsaved) Save();
        }
    }

    /// <summary>The hub has this one.</summary>
    public void Saw(HubDevice device, HubModule module, DateTimeOffset now)
        => Put(device, Merge(Find(device, module.ModuleId), module, now));

    /// <summary>
    /// One that is made anew under its old name by somebody else is not ours any more. One whose making was begun here and not answered is.
    /// </summary>
    private static KnownModule Merge(KnownModule? known, HubModule module, DateTimeOffset now)
    {
        var isSame = known?.GenerationId == module.GenerationId;
        return new KnownModule
        {
            ModuleId = module.ModuleId,
            GenerationId = module.GenerationId,
            ManagedBy = module.ManagedBy,
            IsHosts = known is { IsHosts: true } && (isSame || known.GenerationId.Length == 0),
            Mark = isSame ? known!.Mark : null,
            Seen = now,
        };
    }

    private bool IsOf(HubDevice device) => _hub == device.Hub && _device == device.DeviceId;

    private bool Belong(HubDevice device)
    {
        if (IsOf(device)) return false;
        if (_modules.Count > 0) events.Forgotten(_modules.Count, _device, _hub);
        _modules.Clear();
        _storedSeen.Clear();
        (_hub, _device) = (device.Hub, device.DeviceId);
        return true;
    }

    private bool PutLocked(KnownModule module)
    {
        var old = _modules.GetValueOrDefault(module.ModuleId);
        _modules[module.ModuleId] = module;
        if (old is null || old with { Seen = module.Seen } != module) return true;
        return (module.Seen - _storedSeen.GetValueOrDefault(module.ModuleId)).Duration() >= WorthStoring;
    }

    private void Save()
    {
        try
        {
            file.Write(new KnownModules(_hub, _device, [.. _modules.Values]));
            foreach (var module in _modules.Values) _storedSeen[module.ModuleId] = module.Seen;
            _unsaved = false;
        }
        catch (ProblemException problem)
        {
            // Served from memory meanwhile, and written with the next change.
            if (!_unsaved) events.NotSaved(problem);
            _unsaved = true;
        }
    }
}
