using System.Security.Cryptography;
using EstProv.Certificates.Client;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Provisioning;
using EstProv.Platform;

namespace EstProv.Identity.Modules;

/// <summary>
/// The certificates of modules that show one: issued and renewed by the Certificates Service, their keys in the Key Service. A new one is
/// staged there until the hub knows it.
/// </summary>
/// <remarks>Every member throws the Certificates Service's problems.</remarks>
internal sealed class ModuleCertificates(ICertificateClient certificates)
{
    /// <summary>How long the Certificates Service may hold its answer while it issues.</summary>
    private static readonly TimeSpan EnsureWait = TimeSpan.FromSeconds(15);

    private const int LongestCommonName = 64; // ub-common-name, RFC 5280 appendix A.1

    /// <summary>The certificate id, and the key id.</summary>
    public static string IdOf(string moduleId) => IdentityPrincipal.ModuleCertificates + moduleId;

    public static bool IsId(string id) => id.StartsWith(IdentityPrincipal.ModuleCertificates, StringComparison.Ordinal);

    /// <exception cref="ProblemException"><c>certificate_pending</c> 503, or what keeps it from being issued.</exception>
    public async Task<ModuleCertificate> GetAsync(string moduleId, string deviceId, CancellationToken cancel)
    {
        var id = IdOf(moduleId);
        var answer = await certificates.EnsureAsync(id, id, CommonName(deviceId, moduleId), EnsureWait, cancel);
        if (answer.State is CredentialState.Pending || answer.ChainPem is not { } chain || answer.KeyHandle is not { } handle)
            throw Pending(id, answer.Problem);
        using var credential = DeviceCredential.Read(id, chain, handle);
        var thumbprint = credential.Leaf.GetCertHashString(HashAlgorithmName.SHA256);
        if (answer.State is CredentialState.Current) return new ModuleCertificate(id, thumbprint, null, null);
        return new ModuleCertificate(id, thumbprint, await InUseAsync(id, cancel), credential.SpkiHash);
    }

    /// <summary>The hub knows the staged one: it is the one in use from now on. Idempotent.</summary>
    public Task ConfirmAsync(ModuleCertificate certificate, CancellationToken cancel)
        => certificates.ConfirmAsync(certificate.Id, certificate.StagedSpki, cancel);

    /// <summary>
    /// As a hub wants it of a module that it knows by CA (learn.microsoft.com/azure/iot-hub/authenticate-authorize-x509), where that has
    /// room.
    /// </summary>
    private static string? CommonName(string deviceId, string moduleId)
        => deviceId.Length + moduleId.Length < LongestCommonName ? $"{deviceId}/{moduleId}"
            : moduleId.Length <= LongestCommonName ? moduleId : null;

    private async Task<string?> InUseAsync(string id, CancellationToken cancel)
    {
        try
        {
            var chain = await certificates.GetAsync(id, cancel);
            try
            {
                return chain.Count > 0 ? chain[0].GetCertHashString(HashAlgorithmName.SHA256) : null;
            }
            finally
            {
                foreach (var certificate in chain) certificate.Dispose();
            }
        }
        catch (ProblemException missing) when (missing.Code == "certificate_not_found")
        {
            return null;
        }
    }

    private static ProblemException Pending(string id, CredentialProblem? problem) => problem is null
        ? new ProblemException("certificate_pending", $"the certificate {id} is being issued",
            "ask again in a moment; see 'estprov status'", 503)
        : new ProblemException(problem.Code, $"the certificate {id} cannot be had yet: {problem.Message}", problem.Hint, 503);
}
