namespace EstProv.Est.Transport;

/// <summary>Why a TLS server was not accepted.</summary>
/// <param name="Code">One of <see cref="VerifiedConnection"/>'s <c>_tls_*</c>.</param>
/// <param name="What">Continues the words "the server is not trusted: ".</param>
internal sealed record ServerRefusal(string Code, string What, string Hint);
