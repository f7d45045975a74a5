namespace EstProv.Identity.Modules;

/// <summary>A module's certificate as certd has it.</summary>
/// <param name="Id">Its certificate id and its key id.</param>
/// <param name="Thumbprint">SHA-256 in hex.</param>
/// <param name="InUse">While a new one is staged, the thumbprint of the one that is in use; null where there is none.</param>
/// <param name="StagedSpki">SHA-256 of the public key of a staged one, which certd puts into use once the hub knows it; else null.</param>
internal sealed record ModuleCertificate(string Id, string Thumbprint, string? InUse, byte[]? StagedSpki);
