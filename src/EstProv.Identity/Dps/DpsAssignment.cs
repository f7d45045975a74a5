namespace EstProv.Identity.Dps;

/// <summary>What DPS answered: where the device lives and under which name.</summary>
internal sealed record DpsAssignment(string Hub, string DeviceId);
