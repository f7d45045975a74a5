using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace EstProv.Est.Authentication;

/// <summary>The answer to a <see cref="DigestChallenge"/> (RFC 7616 section 3.4), with qop <c>auth</c>.</summary>
/// <remarks>Text is hashed as UTF-8, which is what <c>charset</c> asks for where a server sends it, and what ASCII is anyway.</remarks>
internal static class DigestAnswer
{
    /// <summary>The parameters of Authorization.</summary>
    /// <param name="uri">The request target: path and query.</param>
    /// <param name="count">How often this nonce has been used, with this time.</param>
    /// <param name="clientNonce">Ours: printable, without quotes.</param>
    public static string Create(DigestChallenge challenge, string user, string password, string method, string uri, uint count, string clientNonce)
    {
        var hash = challenge.Hash;
        var secret = Hash(hash, $"{user}:{challenge.Realm}:{password}");
        if (challenge.Session) secret = Hash(hash, $"{secret}:{challenge.Nonce}:{clientNonce}");
        var times = count.ToString("x8");
        var response = Hash(hash, $"{secret}:{challenge.Nonce}:{times}:{clientNonce}:auth:{Hash(hash, $"{method}:{uri}")}");

        var text = new StringBuilder(UserName(challenge, user));
        text.Append(", realm=").Append(AuthenticationParameters.Quote(challenge.Realm));
        text.Append(", nonce=").Append(AuthenticationParameters.Quote(challenge.Nonce));
        text.Append(", uri=").Append(AuthenticationParameters.Quote(uri));
        if (challenge.Algorithm is { } algorithm) text.Append(", algorithm=").Append(algorithm);
        text.Append($", qop=auth, nc={times}, cnonce=\"{clientNonce}\", response=\"{response}\"");
        if (challenge.Opaque is { } opaque) text.Append(", opaque=").Append(AuthenticationParameters.Quote(opaque));
        if (challenge.UserHash) text.Append(", userhash=true");
        return text.ToString();
    }

    /// <summary>Hashed where asked for; in the extended notation (RFC 8187) where it has characters that a header does not.</summary>
    private static string UserName(DigestChallenge challenge, string user)
    {
        if (challenge.UserHash) return $"username=\"{Hash(challenge.Hash, $"{user}:{challenge.Realm}")}\"";
        return Ascii.IsValid(user) && !user.AsSpan().ContainsAnyInRange('\0', '\x1f') && !user.Contains('\x7f')
            ? $"username={AuthenticationParameters.Quote(user)}"
            : $"username*=UTF-8''{Uri.EscapeDataString(user)}";
    }

    [SuppressMessage("Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "RFC 7616 has MD5, and servers ask for it; TLS stands around it")]
    private static string Hash(HashAlgorithmName algorithm, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return Convert.ToHexStringLower(algorithm == HashAlgorithmName.MD5 ? MD5.HashData(bytes) : SHA256.HashData(bytes));
    }
}
