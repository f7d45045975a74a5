namespace EstProv.Simulator.Dps;

/// <summary>Registrations by id (case-insensitive), kept in DIR/dps.json.</summary>
public sealed class DpsRegistry
{
    private readonly Lock _lock = new();
    private readonly string _file;
    private readonly Dictionary<string, DpsRegistration> _registrations = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<string, string> _hubs = new(StringComparer.OrdinalIgnoreCase);

    public DpsRegistry(string data)
    {
        _file = Path.Combine(data, "dps.json");
        foreach (var registration in StateFile.ReadJson<DpsRegistration[]>(_file) ?? [])
        {
            _registrations[registration.RegistrationId] = registration;
        }
    }

    public IReadOnlyList<DpsRegistration> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _registrations.Values.OrderBy(r => r.RegistrationId, StringComparer.Ordinal)];
            }
        }
    }

    public DpsRegistration? Find(string id)
    {
        lock (_lock)
        {
            return _registrations.GetValueOrDefault(id);
        }
    }

    /// <summary>The hub that the operator wants for a registration; null = the default.</summary>
    public string? HubOf(string id)
    {
        lock (_lock)
        {
            return _hubs.GetValueOrDefault(id);
        }
    }

    public void Assign(string id, string hub)
    {
        lock (_lock)
        {
            _hubs[id] = hub;
        }
    }

    public void Put(DpsRegistration registration)
    {
        lock (_lock)
        {
            _registrations[registration.RegistrationId] = registration;
            StateFile.WriteJson(_file, _registrations.Values.ToArray());
        }
    }
}
