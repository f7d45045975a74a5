using System.Globalization;
using System.Security.Cryptography;

namespace EstProv.Simulator.Hub;

/// <summary>The identity registry of the hubs, kept in DIR/hub.json.</summary>
public sealed class DeviceRegistry
{
    private readonly Lock _lock = new();
    private readonly string _file;
    private readonly Dictionary<string, HubDevice> _devices = new(StringComparer.Ordinal);
    private long _generation = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();

    public DeviceRegistry(string data)
    {
        _file = Path.Combine(data, "hub.json");
        foreach (var device in StateFile.ReadJson<HubDevice[]>(_file) ?? [])
        {
            _devices[device.DeviceId] = device;
        }
    }

    public IReadOnlyList<HubDevice> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _devices.Values.OrderBy(d => d.DeviceId, StringComparer.Ordinal)];
            }
        }
    }

    public HubDevice? Find(string deviceId)
    {
        lock (_lock)
        {
            return _devices.GetValueOrDefault(deviceId);
        }
    }

    /// <summary>Replaces a device by what <paramref name="change"/> makes of it (null = absent); its answer is stored (null = removed) and returned.</summary>
    public HubDevice? Change(string deviceId, Func<HubDevice?, HubDevice?> change)
    {
        lock (_lock)
        {
            var device = change(_devices.GetValueOrDefault(deviceId));
            if (device is null)
            {
                _devices.Remove(deviceId);
            }
            else
            {
                _devices[deviceId] = device;
            }

            StateFile.WriteJson(_file, _devices.Values.ToArray());
            return device;
        }
    }

    /// <summary>
    /// What DPS does on assignment: makes the device, or gives it its new credential, with which its modules stay; in another hub it is made
    /// anew, and is gone from the old one. Of its state there is but the capability here.
    /// </summary>
    internal void Provision(string deviceId, string hub, HubCredential credential, bool iotEdge, bool keepsState)
    {
        Change(deviceId, before => before is not null && before.Hub == hub
            ? before with { Authentication = credential, Etag = NewEtag(), IotEdge = keepsState ? before.IotEdge : iotEdge }
            : new HubDevice
            {
                DeviceId = deviceId,
                Hub = hub,
                GenerationId = NewGeneration(),
                Etag = NewEtag(),
                Authentication = credential,
                IotEdge = keepsState && before is not null ? before.IotEdge : iotEdge,
            });
    }

    internal static string NewEtag() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(9));

    internal static string NewKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));

    /// <summary>Never the same twice, so that a module made anew under an old name is told from the old one.</summary>
    internal string NewGeneration() => Interlocked.Increment(ref _generation).ToString("D18", CultureInfo.InvariantCulture);
}
