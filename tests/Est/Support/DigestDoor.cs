using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace EstProv.Est.Tests.Support;

/// <summary>A server's side of HTTP Digest, reckoned apart from the product's.</summary>
internal sealed class DigestDoor(string user = "estuser", string password = "correct horse", string realm = "est")
{
    private readonly HashSet<string> _seen = [];

    public string? Algorithm { get; init; }

    public string Qop { get; init; } = "auth";

    public string Nonce { get; set; } = "nonce-1";

    public string More { get; init; } = "";

    public bool UserHash { get; init; }

    public string Challenge(bool stale = false) => $"WWW-Authenticate: Digest realm=\"{realm}\", qop=\"{Qop}\", nonce=\"{Nonce}\", opaque=\"a \\\"b\\\"\""
        + (Algorithm is null ? "" : $", algorithm={Algorithm}") + (UserHash ? ", userhash=true" : "") + (stale ? ", stale=true" : "") + More;

    /// <summary>The parameters of a request's Authorization; null when it has none of Digest.</summary>
    public static Dictionary<string, string>? Parameters(ReceivedRequest request)
    {
        if (!request.Headers.TryGetValue("Authorization", out var header) || !header.StartsWith("Digest ", StringComparison.Ordinal)) return null;
        var parameters = new Dictionary<string, string>();
        // No value that the tests ask for has a comma in it.
        foreach (var parameter in header["Digest ".Length..].Split(", "))
        {
            var (name, value) = (parameter[..parameter.IndexOf('=', StringComparison.Ordinal)], parameter[(parameter.IndexOf('=', StringComparison.Ordinal) + 1)..]);
            if (value.StartsWith('"')) value = value[1..^1].Replace("\\\"", "\"", StringComparison.Ordinal);
            parameters.Add(name, value);
        }

        return parameters;
    }

    /// <summary>Whether the request answers the present nonce rightly, with a count that was not there before.</summary>
    public bool Admits(ReceivedRequest request)
    {
        if (Parameters(request) is not { } given || given["nonce"] != Nonce || given["uri"] != request.Path || given["opaque"] != "a \"b\""
            || !_seen.Add(Nonce + given["nc"])) return false;
        var name = UserHash ? Hash($"{user}:{realm}") : user;
        var a1 = Hash($"{user}:{realm}:{password}");
        if (Algorithm?.EndsWith("-sess", StringComparison.Ordinal) == true) a1 = Hash($"{a1}:{Nonce}:{given["cnonce"]}");
        var response = Hash($"{a1}:{Nonce}:{given["nc"]}:{given["cnonce"]}:{given["qop"]}:{Hash($"{request.Method}:{request.Path}")}");
        return (given.TryGetValue("username*", out var extended) ? Uri.UnescapeDataString(extended["UTF-8''".Length..]) : given["username"]) == name && given["response"] == response
            && given.GetValueOrDefault("algorithm") == Algorithm;
    }

    [SuppressMessage("Security", "CA5351:Do Not Use Broken Cryptographic Algorithms", Justification = "RFC 7616 has it")]
    private string Hash(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        return Convert.ToHexStringLower(Algorithm?.StartsWith("SHA-256", StringComparison.Ordinal) == true ? SHA256.HashData(bytes) : MD5.HashData(bytes));
    }
}
