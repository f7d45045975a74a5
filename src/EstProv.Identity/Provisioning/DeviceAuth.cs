namespace EstProv.Identity.Provisioning;

/// <summary>How the device shows its hub who it is.</summary>
internal enum DeviceAuth
{
    /// <summary>By its certificate, whose key the Key Service has.</summary>
    X509,

    /// <summary>By SAS tokens, signed with a symmetric key that the Key Service has.</summary>
    Sas,

    /// <summary>There is no hub.</summary>
    None,
}
