using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Configuration.Certd;

/// <summary>How a certificate is named when it is to be distrusted, with all that is under it.</summary>
public enum IssuerNameKind
{
    /// <summary>SHA-256 over the certificate: another certificate of the same CA is not meant.</summary>
    Fingerprint,

    /// <summary>SHA-256 over the DER SubjectPublicKeyInfo: every certificate of this key is meant.</summary>
    Spki,

    /// <summary>The subject: every certificate of this name is meant.</summary>
    Subject,
}

/// <summary>
/// A CA (or a certificate) as an operator names it: 64 hexadecimal digits, with colons or without (as <c>openssl x509 -fingerprint -sha256</c> prints them), are a
/// certificate's fingerprint; behind <c>spki:</c> they are a key's; everything else is a subject, as <c>estprov status</c> shows it.
/// </summary>
public sealed record IssuerName
{
    private const string SpkiPrefix = "spki:";
    private const int HashDigits = 64, LongestName = 1024;

    private IssuerName(IssuerNameKind kind, string value)
    {
        Kind = kind;
        Value = value;
    }

    public IssuerNameKind Kind { get; }

    /// <summary>The hash in lower case without colons, or the subject with no blanks behind its commas.</summary>
    public string Value { get; }

    /// <returns>Null when it names nothing.</returns>
    public static IssuerName? Parse(string text)
    {
        var name = text.Trim();
        if (name.StartsWith(SpkiPrefix, StringComparison.OrdinalIgnoreCase)) return Hash(name[SpkiPrefix.Length..]) is { } key ? new IssuerName(IssuerNameKind.Spki, key) : null;
        if (Hash(name) is { } certificate) return new IssuerName(IssuerNameKind.Fingerprint, certificate);
        return name.Contains('=', StringComparison.Ordinal) && name.Length <= LongestName && !name.AsSpan().ContainsAnyInRange('\0', '\x1f')
            ? new IssuerName(IssuerNameKind.Subject, Tighten(name))
            : null;
    }

    /// <summary>Whether this certificate itself is meant.</summary>
    public bool Names(X509Certificate2 certificate) => Kind switch
    {
        IssuerNameKind.Fingerprint => Convert.ToHexStringLower(SHA256.HashData(certificate.RawDataMemory.Span)) == Value,
        IssuerNameKind.Spki => Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo())) == Value,
        _ => IsSubject(certificate.Subject),
    };

    /// <summary>Whether a certificate of this subject is meant, whatever its key.</summary>
    public bool IsSubject(string subject) => Kind == IssuerNameKind.Subject && string.Equals(Tighten(subject), Value, StringComparison.OrdinalIgnoreCase);

    public override string ToString() => Kind == IssuerNameKind.Spki ? SpkiPrefix + Value : Value;

    private static string? Hash(string text)
    {
        var digits = text.Replace(":", "", StringComparison.Ordinal);
        if (digits.Length != HashDigits) return null;
        foreach (var digit in digits)
        {
            if (!char.IsAsciiHexDigit(digit)) return null;
        }

        return digits.ToLowerInvariant();
    }

    private static string Tighten(string name) => name.Replace(", ", ",", StringComparison.Ordinal).Replace(" =", "=", StringComparison.Ordinal).Replace("= ", "=", StringComparison.Ordinal);
}
