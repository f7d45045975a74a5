namespace EstProv.Configuration.Identityd;

/// <summary>
/// <c>method = "symmetric_key"</c> at DPS, <c>method = "sas"</c> at a hub: tokens signed with a key that never leaves keyd.
/// </summary>
public sealed record SymmetricKeyAuthentication : DeviceAuthentication;
