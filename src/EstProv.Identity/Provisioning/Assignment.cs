namespace EstProv.Identity.Provisioning;

/// <summary>Where the device lives and under which name.</summary>
/// <param name="Hub">Host name of its hub; empty where there is none.</param>
internal sealed record Assignment(string Hub, string DeviceId);
