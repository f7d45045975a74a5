using System.Security.Cryptography.X509Certificates;

namespace EstProv.Certificates.Client;

/// <summary>What the Identity Service and the operator's command ask of the Certificates Service.</summary>
/// <remarks>
/// Every member throws <see cref="Platform.ProblemException"/>: <c>certificate_not_found</c>, <c>forbidden</c>, <c>certd_unreachable</c>, with
/// certd's own words.
/// </remarks>
public interface ICertificateClient
{
    /// <summary>
    /// Asks for a credential (a certificate and its key in keyd) and waits for it for at most <paramref name="wait"/>
    /// (<c>POST /credentials/{id}/ensure</c>).
    /// </summary>
    /// <param name="certId">An id of <c>[cert_issuance]</c>, or a preloaded one.</param>
    /// <param name="keyId">The id of its key in keyd.</param>
    /// <param name="commonName">The subject's common name where the configuration names none; null leaves it to certd's rules.</param>
    /// <param name="wait">How long the answer may take while the credential is being issued.</param>
    Task<CredentialAnswer> EnsureAsync(string certId, string keyId, string? commonName, TimeSpan wait, CancellationToken cancel);

    /// <summary>The staged credential with this key was used for real and accepted: certd makes it the current one. Idempotent.</summary>
    Task ConfirmAsync(string certId, ReadOnlyMemory<byte> spkiSha256, CancellationToken cancel);

    /// <summary>The staged credential with this key was refused for good: certd drops it and gets another one, not at once.</summary>
    Task RefuseAsync(string certId, ReadOnlyMemory<byte> spkiSha256, string reason, CancellationToken cancel);

    /// <summary>The certificates stored under an id, leaf first; for a bundle all its certificates (<c>GET /certificates/{id}</c>).</summary>
    Task<X509Certificate2Collection> GetAsync(string certId, CancellationToken cancel);
}

public enum CredentialState
{
    /// <summary>Being issued; <see cref="CredentialAnswer.Problem"/> says what the last attempt failed with.</summary>
    Pending,

    /// <summary>Issued, and to be proved by the caller, who then confirms or refuses it.</summary>
    Staged,

    /// <summary>In use.</summary>
    Current,
}

/// <summary>The answer to <see cref="ICertificateClient.EnsureAsync"/>.</summary>
/// <param name="State">How far it is.</param>
/// <param name="ChainPem">Leaf first; null while pending.</param>
/// <param name="KeyHandle">keyd's handle of the matching key, pinned; null while pending.</param>
/// <param name="Problem">While pending, the last attempt's message, hint and code; null when there was none.</param>
public sealed record CredentialAnswer(CredentialState State, string? ChainPem, string? KeyHandle, CredentialProblem? Problem);

public sealed record CredentialProblem(string Message, string Hint, string Code);
