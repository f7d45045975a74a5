using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace EstProv.Simulator.Est;

/// <summary>
/// HTTP Digest (RFC 7616) with qop=auth. A nonce is good for five minutes, and each nonce count of it once.
/// </summary>
internal sealed class DigestAuthentication(bool sha256, IReadOnlyDictionary<string, string> users, SimulatorClock clock)
{
    private const string Realm = "estrealm";
    private const int MostNonces = 10_000;
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);
    private readonly ConcurrentDictionary<string, Issued> _nonces = new(StringComparer.Ordinal);

    private string Algorithm => sha256 ? "SHA-256" : "MD5";

    /// <summary>The value of WWW-Authenticate, with a new nonce.</summary>
    /// <param name="stale">Credentials were right but for the nonce's age (section 3.3).</param>
    public string Challenge(bool stale)
    {
        if (_nonces.Count >= MostNonces)
        {
            _nonces.Clear();
        }

        var nonce = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        _nonces[nonce] = new Issued(clock.Now);

        // Without the word it is MD5 (section 3.3). BouncyCastle's client takes nothing unquoted, which the RFC forbids to quote.
        var algorithm = sha256 ? ", algorithm=SHA-256" : "";
        return $"Digest realm=\"{Realm}\", qop=\"auth\", nonce=\"{nonce}\"{algorithm}{(stale ? ", stale=true" : "")}";
    }

    /// <summary>The user; null = refused, and <paramref name="problem"/> says why.</summary>
    /// <param name="parameters">What stands behind the word Digest in Authorization.</param>
    /// <param name="method">Of the request.</param>
    /// <param name="target">Path and query of the request, as sent.</param>
    /// <param name="stale">Only the nonce is at fault.</param>
    public string? Verify(string parameters, string method, string target, out string problem, out bool stale)
    {
        stale = false;
        var fields = DigestFields.Read(parameters);
        string Field(string name) => fields.GetValueOrDefault(name, "");
        if (!users.TryGetValue(Field("username"), out var password) || Field("realm") != Realm)
        {
            problem = "Digest: wrong user or realm";
            return null;
        }

        if (Field("qop") != "auth" || Field("cnonce").Length == 0 || Field("uri") != target
            || !Field("algorithm").Equals(fields.ContainsKey("algorithm") ? Algorithm : "", StringComparison.OrdinalIgnoreCase)
            || !long.TryParse(Field("nc"), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var count))
        {
            problem = "Digest: qop, cnonce, nc, uri or algorithm is not as asked";
            return null;
        }

        // RFC 7616 section 3.4.1: KD(H(A1), nonce ":" nc ":" cnonce ":" qop ":" H(A2))
        var secret = Hash($"{Field("username")}:{Realm}:{password}");
        var expected = Hash($"{secret}:{Field("nonce")}:{Field("nc")}:{Field("cnonce")}:auth:{Hash($"{method}:{target}")}");
        if (!CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(expected), Encoding.UTF8.GetBytes(Field("response"))))
        {
            problem = "Digest: wrong password";
            return null;
        }

        if (!_nonces.TryGetValue(Field("nonce"), out var issued) || clock.Now - issued.At > Lifetime || !issued.Count(count))
        {
            problem = "Digest: stale nonce";
            stale = true;
            return null;
        }

        problem = "";
        return Field("username");
    }

    // CA5351: RFC 7616 keeps MD5 for clients that know nothing else.
#pragma warning disable CA5351
    private string Hash(string text) =>
        Convert.ToHexStringLower(sha256 ? SHA256.HashData(Encoding.UTF8.GetBytes(text)) : MD5.HashData(Encoding.UTF8.GetBytes(text)));
#pragma warning restore CA5351

    private sealed class Issued(DateTimeOffset at)
    {
        private readonly Lock _lock = new();
        private long _last;

        public DateTimeOffset At => at;

        /// <summary>False = this count, or a later one, has been used.</summary>
        public bool Count(long count)
        {
            lock (_lock)
            {
                var isNew = count > _last;
                _last = Math.Max(_last, count);
                return isNew;
            }
        }
    }
}
