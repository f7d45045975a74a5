namespace EstProv.Est;

/// <summary>A kind of key that the server asks for.</summary>
/// <param name="What">As the server says it, for messages: <c>id-ecPublicKey with secp384r1</c>.</param>
/// <param name="Algorithms">
/// What satisfies it, the usual first: <c>ec-p256</c>, <c>ec-p384</c>, <c>ec-p521</c>, <c>rsa-2048</c>, <c>rsa-3072</c>, <c>rsa-4096</c>. Empty: nothing that we know.
/// </param>
public sealed record CsrKeyDemand(string What, IReadOnlyList<string> Algorithms);
