using EstProv.Identity.Hub;
using EstProv.Platform;

namespace EstProv.Identity.Modules;

/// <summary>
/// The modules that the hub was seen to have, in memory and in <c>modules.json</c>: what offline callers are served from, and which of them
/// are ours to remove. They belong to one device in one hub; with another all are forgotten. Safe from any thread: an answer of the hub's
/// that is older than what has become known since it was asked changes nothing.
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
    private readonly Dictionary<string, long> _turns = new(StringComparer.Ordinal);
    private long _turn;
    private long _lastRemoval;
    private string _hub = "";
    private string _device = "";
    private bool _unsaved;

    /// <summary>Grows with all that becomes known. Who is about to ask the hub takes it along, and gives it back with the answer.</summary>
    public long Turn
    {
        get
        {
            lock (_gate) return _turn;
        }
    }

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
        lock (_gate) return FindLocked(device, moduleId);
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
            if (IsOf(device) && RemoveLocked(moduleId)) Save();
        }
    }

    /// <summary>
    /// The hub did not have it when it was asked. One whose making was begun here stays: it may be made at this moment, and is ours to
    /// remove.
    /// </summary>
    /// <param name="asked">The <see cref="Turn"/> when it was asked.</param>
    public void Missed(HubDevice device, string moduleId, long asked)
    {
        lock (_gate)
        {
            if (_modules.GetValueOrDefault(moduleId) is { GenerationId.Length: > 0 } && !IsNewer(moduleId, asked)) Remove(device, moduleId);
        }
    }

    /// <summary>
    /// The hub has these, and no others but those whose making was begun. What is said of them here stays for those of the same generation.
    /// </summary>
    /// <param name="asked">The <see cref="Turn"/> when it was asked.</param>
    public void Replace(HubDevice device, IReadOnlyList<HubModule> modules, long asked, DateTimeOffset now)
    {
        lock (_gate)
        {
            var changed = Belong(device);
            var gone = new HashSet<string>(StringComparer.Ordinal);
            foreach (var known in _modules.Values)
            {
                if (known.GenerationId.Length > 0 && !IsNewer(known.ModuleId, asked)) gone.Add(known.ModuleId);
            }

            foreach (var module in modules)
            {
                gone.Remove(module.ModuleId);
                if (!IsOutdated(module, asked)) changed |= PutLocked(Merge(_modules.GetValueOrDefault(module.ModuleId), module, now));
            }

            foreach (var id in gone) changed |= RemoveLocked(id);

            if (changed || _unsaved) Save();
        }
    }

    /// <summary>The hub has this one, as it answered a question.</summary>
    /// <param name="asked">The <see cref="Turn"/> when it was asked.</param>
    public void Saw(HubDevice device, HubModule module, long asked, DateTimeOffset now)
    {
        lock (_gate)
        {
            if (IsOf(device) && IsOutdated(module, asked)) return;
            Put(device, Merge(FindLocked(device, module.ModuleId), module, now));
        }
    }

    /// <summary>The hub has this one, as it was just made or changed here.</summary>
    /// <param name="mark">What it was registered with; null leaves that as it is.</param>
    public void Changed(HubDevice device, HubModule module, string? mark, DateTimeOffset now)
    {
        lock (_gate)
        {
            var merged = Merge(FindLocked(device, module.ModuleId), module, now);
            Put(device, mark is null ? merged : merged with { Mark = mark });
        }
    }

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

    private KnownModule? FindLocked(HubDevice device, string moduleId) => IsOf(device) ? _modules.GetValueOrDefault(moduleId) : null;

    /// <summary>Whether something has become known of it since then.</summary>
    private bool IsNewer(string moduleId, long asked) => _turns.GetValueOrDefault(moduleId) > asked;

    private bool IsOutdated(HubModule answer, long asked) => _modules.TryGetValue(answer.ModuleId, out var known)
        ? known.GenerationId.Length > 0 && known.GenerationId != answer.GenerationId && IsNewer(answer.ModuleId, asked)
        : _lastRemoval > asked;

    private bool IsOf(HubDevice device) => _hub == device.Hub && _device == device.DeviceId;

    private bool Belong(HubDevice device)
    {
        if (IsOf(device)) return false;
        if (_modules.Count > 0) events.Forgotten(_modules.Count, _device, _hub);
        _modules.Clear();
        _storedSeen.Clear();
        _turns.Clear();
        (_hub, _device) = (device.Hub, device.DeviceId);
        return true;
    }

    private bool PutLocked(KnownModule module)
    {
        var old = _modules.GetValueOrDefault(module.ModuleId);
        _modules[module.ModuleId] = module;
        _turns[module.ModuleId] = ++_turn;
        if (old is null || old with { Seen = module.Seen } != module) return true;
        return (module.Seen - _storedSeen.GetValueOrDefault(module.ModuleId)).Duration() >= WorthStoring;
    }

    private bool RemoveLocked(string moduleId)
    {
        _storedSeen.Remove(moduleId);
        _turns.Remove(moduleId);
        _lastRemoval = ++_turn;
        return _modules.Remove(moduleId);
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
