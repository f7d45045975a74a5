using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Configuration.Certd;
using EstProv.LocalApi.Access;
using EstProv.Platform;

namespace EstProv.Certificates.Issuing;

/// <summary>Holds a caller's request against what it may ask.</summary>
/// <param name="host">What <c>host</c> stands for; asked only where a policy says <c>host</c>.</param>
internal sealed class CsrCheck(Func<HostNames> host)
{
    private const string Anything = "*";
    private const string Host = "host";

    private HostNames? _host;

    /// <param name="policies">Of several entries for one caller each gives what it says.</param>
    /// <param name="replacesSubject">The configuration gives the subject, so the request's does not matter.</param>
    /// <returns>The policy that allows it.</returns>
    /// <exception cref="ProblemException"><c>csr_not_allowed</c> 400: what the last one refuses.</exception>
    public EffectivePolicy Demand(CallerRequest request, IReadOnlyList<EffectivePolicy> policies, bool replacesSubject)
    {
        ProblemException? refusal = null;
        foreach (var policy in policies)
        {
            refusal = Judge(request, policy, replacesSubject);
            if (refusal is null) return policy;
        }

        throw refusal!;
    }

    private ProblemException? Judge(CallerRequest request, EffectivePolicy policy, bool replacesSubject)
    {
        if (request.IsCa && !policy.Ca.Value) return Refuse(policy, "a CA certificate", policy.Ca.Table, "allows none", "ca = true");
        const X509KeyUsageFlags OfCas = X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign;
        if (!request.IsCa && (request.KeyUsages & OfCas) != X509KeyUsageFlags.None)
            return Refuse(policy, "the key usage of a CA (keyCertSign, cRLSign) without being one", policy.Ca.Table, "allows it with CA:TRUE at most");

        foreach (var usage in request.Usages ?? [])
        {
            var name = usage.Value switch { LocalMint.ServerAuthentication => "server", LocalMint.ClientAuthentication => "client", _ => null };
            if (name is null || !Contains(policy.Usages.Value, name))
            {
                var entry = name is null ? null : $"usages = [\"{name}\"]";
                return Refuse(policy, $"the extended key usage {Known(usage.Value)}", policy.Usages.Table, Listed(policy.Usages.Value), entry);
            }
        }

        if (!replacesSubject && JudgeSubject(request, policy) is { } subject) return subject;
        return JudgeNames(request, policy);
    }

    private ProblemException? JudgeNames(CallerRequest request, EffectivePolicy policy)
    {
        var (patterns, table) = policy.AlternativeNames;
        foreach (var name in request.Names)
        {
            if (name is null) return Refuse(policy, "an alternative name (SAN) that is neither DNS name, IP address, URI nor e-mail address", table, Listed(patterns));
            if (!IsPlain(name.Value)) return Refuse(policy, "an alternative name (SAN) with characters that no such name has", table, Listed(patterns));
            if (!IsAllowed(name, patterns)) return Refuse(policy, $"the alternative name {name}", table, Listed(patterns), $"alternative_names = [\"{name}\"]");
        }

        return null;
    }

    private ProblemException? JudgeSubject(CallerRequest request, EffectivePolicy policy)
    {
        var (patterns, table) = policy.Subject;
        if (Contains(patterns, Anything)) return null;
        foreach (var part in request.Subject.EnumerateRelativeDistinguishedNames(reversed: false))
        {
            if (part.HasMultipleElements) return Refuse(policy, "a subject with several attributes in one part", table, Listed(patterns), "subject = [\"*\"]");
            var oid = part.GetSingleElementType().Value!;
            var value = ValueOf(part);
            if (value is not null && IsAllowed(oid, value, patterns)) continue;
            var shown = $"{SubjectAttributeType.Find(oid)?.Name ?? oid}={value ?? "?"}";
            return Refuse(policy, $"the subject attribute {shown}", table, Listed(patterns), $"subject = [\"{shown}\"]");
        }

        return null;
    }

    private bool IsAllowed(string oid, string value, IReadOnlyList<string> patterns)
    {
        foreach (var pattern in patterns)
        {
            if (pattern == Host)
            {
                if (oid == SubjectAttributeType.CommonName && Names.IsName(value)) return true;
                continue;
            }

            var equals = pattern.IndexOf('=');
            if (equals > 0 && SubjectAttributeType.Find(pattern[..equals])?.Oid == oid && Wildcard.Matches(pattern.AsSpan(equals + 1), value)) return true;
        }

        return false;
    }

    private bool IsAllowed(AlternativeName name, IReadOnlyList<string> patterns)
    {
        // A wildcard name is valid for hosts that nobody has asked about: only where it stands so itself (RFC 6125 section 7.2).
        var isWildcard = name.Kind == AlternativeNameKind.Dns && name.Value.Contains('*', StringComparison.Ordinal);
        foreach (var pattern in patterns)
        {
            if (isWildcard)
            {
                if (pattern.Equals(name.ToString(), StringComparison.OrdinalIgnoreCase)) return true;
            }
            else if (pattern == Anything || (AlternativeName.Parse(pattern) is { } known && Matches(name, known)))
            {
                return true;
            }
        }

        return false;
    }

    private bool Matches(AlternativeName name, AlternativeName pattern)
    {
        if (pattern.Kind == AlternativeNameKind.Host)
            return name.Kind == AlternativeNameKind.Dns ? Names.IsName(name.Value) : name.Kind == AlternativeNameKind.Ip && Names.IsAddress(IPAddress.Parse(name.Value));
        if (pattern.Kind != name.Kind) return false;
        if (name.Kind == AlternativeNameKind.Ip && pattern.Value != Anything)
        {
            var address = IPAddress.Parse(name.Value);
            return IPNetwork.TryParse(pattern.Value, out var network) ? network.Contains(address) : IPAddress.Parse(pattern.Value).Equals(address);
        }

        // Host names are the same in either case (RFC 4343).
        return name.Kind == AlternativeNameKind.Dns
            ? Wildcard.Matches(pattern.Value.ToLowerInvariant(), name.Value.ToLowerInvariant())
            : Wildcard.Matches(pattern.Value, name.Value);
    }

    /// <summary>No space, no control character: some would read a name only up to there.</summary>
    private static bool IsPlain(string name)
    {
        foreach (var character in name)
        {
            if (character is <= ' ' or > '~') return false;
        }

        return name.Length > 0;
    }

    private HostNames Names => _host ??= host();

    /// <summary>Null for what is no string.</summary>
    private static string? ValueOf(X500RelativeDistinguishedName part)
    {
        try
        {
            return part.GetSingleElementValue();
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static bool Contains(IReadOnlyList<string> list, string word)
    {
        foreach (var element in list)
        {
            if (element == word) return true;
        }

        return false;
    }

    private static string Known(string? oid) => oid switch
    {
        LocalMint.ServerAuthentication => "serverAuth",
        LocalMint.ClientAuthentication => "clientAuth",
        _ => oid ?? "",
    };

    private static string Listed(IReadOnlyList<string> allowed) => allowed.Count == 0 ? "allows none" : $"allows {string.Join(", ", allowed)}";

    /// <param name="entry">What would allow it; null where nothing does.</param>
    private static ProblemException Refuse(EffectivePolicy policy, string what, string table, string allows, string? entry = null)
    {
        var way = entry is null ? "" : $", or allow it in the Certificates Service's configuration: {entry} in [cert_issuance.{policy.CertId}.csr]";
        return new ProblemException("csr_not_allowed", $"the certificate request for '{policy.CertId}' asks for {what}; {table} {allows}", "leave it out of the request" + way, 400);
    }
}
