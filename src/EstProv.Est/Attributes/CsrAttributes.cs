using System.Formats.Asn1;
using System.Security.Cryptography;
using EstProv.Est.Attributes;
using EstProv.Platform;

namespace EstProv.Est;

/// <summary>
/// What a server wants to see in a certificate request: CsrAttrs of RFC 7030 section 4.5.2 as RFC 8951 and RFC 9908 read it. Where there is a template
/// (RFC 9908 section 3.4), that alone counts.
/// </summary>
public sealed record CsrAttributes
{
    /// <summary>Nothing is asked for.</summary>
    public static CsrAttributes None { get; } = new();

    /// <summary>As it came; empty for <see cref="None"/>.</summary>
    public ReadOnlyMemory<byte> Der { get; init; }

    /// <summary>Whether it is a template.</summary>
    public bool IsTemplate { get; init; }

    /// <summary>The request is to be bound to its TLS session by tls-unique (RFC 7030 section 3.5).</summary>
    public bool RequestsChallengePassword { get; init; }

    /// <summary>A template's subject, RDN by RDN; null where none is asked for.</summary>
    public IReadOnlyList<IReadOnlyList<CsrNamePart>>? Subject { get; init; }

    /// <summary>Any one of these; empty where any key will do.</summary>
    public IReadOnlyList<CsrKeyDemand> Keys { get; init; } = [];

    /// <summary>Of the request's own signature; null where it is left to us.</summary>
    public HashAlgorithmName? Hash { get; init; }

    public IReadOnlyList<CsrExtension> Extensions { get; init; } = [];

    /// <summary>OIDs that mean nothing to us and are ignored (RFC 7030 section 4.5.2), for the log.</summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];

    public bool SameAs(CsrAttributes other) => Der.Span.SequenceEqual(other.Der.Span);

    /// <param name="der">What <see cref="EstClient.GetCsrAttributesAsync"/> gave; null for none.</param>
    /// <exception cref="ProblemException"><c>est_bad_csrattrs</c>: it is not what the RFCs allow, or more than anybody needs.</exception>
    public static CsrAttributes Parse(byte[]? der)
    {
        if (der is null) return None;
        try
        {
            return CsrAttributesReader.Read(der);
        }
        catch (AsnContentException cause)
        {
            throw new ProblemException("est_bad_csrattrs",
                "the EST server's csrattrs are none that RFC 7030 section 4.5.2 or RFC 9908 knows",
                "look into the EST server's configuration of csrattrs", 502, cause);
        }
    }
}
