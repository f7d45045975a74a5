using System.Net.Http.Headers;
using System.Security.Cryptography;
using EstProv.Est.Messages;

namespace EstProv.Est.Authentication;

/// <summary>A server's question by HTTP Digest (RFC 7616 section 3.3) that we can answer.</summary>
internal sealed class DigestChallenge
{
    public required string Realm { get; init; }

    public required string Nonce { get; init; }

    /// <summary>Sent back as it came; null for none.</summary>
    public string? Opaque { get; init; }

    public required HashAlgorithmName Hash { get; init; }

    /// <summary>As the server wrote it; null when it did not, which is MD5.</summary>
    public string? Algorithm { get; init; }

    /// <summary>A variant that ends in <c>-sess</c>: the password's hash is bound to both nonces.</summary>
    public bool Session { get; init; }

    /// <summary>The last answer was right, but its nonce too old.</summary>
    public bool Stale { get; init; }

    /// <summary>The user name is to be sent hashed.</summary>
    public bool UserHash { get; init; }

    /// <summary>The first that we can answer: the server's order is its preference (RFC 7616 section 3.7).</summary>
    /// <param name="unable">Why there is none, though Digest was asked for; else null.</param>
    public static DigestChallenge? Choose(HttpHeaderValueCollection<AuthenticationHeaderValue> challenges, out string? unable)
    {
        unable = null;
        foreach (var challenge in challenges)
        {
            if (!challenge.Scheme.Equals("Digest", StringComparison.OrdinalIgnoreCase)) continue;
            if (Read(challenge.Parameter, out var why) is { } known) return known;
            unable ??= why;
        }

        return null;
    }

    public static DigestChallenge? Read(string? text, out string why)
    {
        why = "the server's Digest challenge cannot be read";
        if (AuthenticationParameters.Read(text) is not { } parameters) return null;
        if (!parameters.TryGetValue("realm", out var realm) || !parameters.TryGetValue("nonce", out var nonce)) return null;
        // Without qop it is RFC 2069's, which has no nonce of ours in it; RFC 7616 took it out.
        if (!parameters.TryGetValue("qop", out var qop) || !Lists(qop, "auth"))
        {
            why = "the server asks for Digest without qop \"auth\", which is the one that we answer";
            return null;
        }

        parameters.TryGetValue("algorithm", out var algorithm);
        var session = algorithm?.EndsWith("-sess", StringComparison.OrdinalIgnoreCase) == true;
        HashAlgorithmName? hash = (session ? algorithm![..^5] : algorithm)?.ToUpperInvariant() switch
        {
            null or "MD5" => HashAlgorithmName.MD5,
            "SHA-256" => HashAlgorithmName.SHA256,
            _ => null,
        };
        if (hash is not { } known)
        {
            why = $"the server asks for Digest by the algorithm {PeerText.Clean(algorithm!)}; MD5 and SHA-256 are the ones that we answer";
            return null;
        }

        return new DigestChallenge
        {
            Realm = realm,
            Nonce = nonce,
            Opaque = parameters.GetValueOrDefault("opaque"),
            Hash = known,
            Algorithm = algorithm,
            Session = session,
            Stale = Says(parameters, "stale"),
            UserHash = Says(parameters, "userhash"),
        };
    }

    private static bool Says(Dictionary<string, string> parameters, string name) =>
        parameters.TryGetValue(name, out var value) && value.Equals("true", StringComparison.OrdinalIgnoreCase);

    private static bool Lists(string list, string word)
    {
        foreach (var range in list.AsSpan().Split(','))
        {
            if (list.AsSpan(range).Trim().Equals(word, StringComparison.OrdinalIgnoreCase)) return true;
        }

        return false;
    }
}
