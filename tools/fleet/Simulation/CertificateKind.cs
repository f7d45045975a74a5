namespace EstProv.Fleet.Simulation;

/// <summary>What each device of the fleet has.</summary>
internal enum CertificateKind
{
    /// <summary>The EST identity, <c>est-id</c>: got with the bootstrap identity, renewed with itself.</summary>
    EstIdentity,

    /// <summary>The device identity, <c>device-id</c>: got with the EST identity, always.</summary>
    DeviceIdentity,
}
