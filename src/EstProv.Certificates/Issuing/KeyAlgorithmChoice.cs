using System.Security.Cryptography.X509Certificates;
using EstProv.Configuration.Certd;
using EstProv.Est;

namespace EstProv.Certificates.Issuing;

/// <summary>What kind of key a request gets.</summary>
/// <param name="Preferences">For the Key Service, which takes the first that the token can do.</param>
/// <param name="IsFree">Any key that is staged already will do.</param>
/// <param name="Demand">What the EST server asks for, where that decides; null where it does not.</param>
internal sealed record KeyAlgorithmChoice(string Preferences, bool IsFree, string? Demand)
{
    private const char Separator = ':';
    private const string Any = "*";

    /// <summary>The configuration comes first; where it leaves the choice, or where both can be had, the EST server's wish is done.</summary>
    /// <param name="lenient">What cannot be satisfied is noted instead of being an error.</param>
    /// <exception cref="Platform.ProblemException"><c>est_csrattrs_unsatisfied</c>.</exception>
    public static KeyAlgorithmChoice Of(CertificateIssuance issuance, CsrAttributes attributes, bool lenient, List<string> notes)
    {
        if (attributes.Keys.Count == 0) return new(issuance.KeyAlgorithm, !issuance.KeyAlgorithmIsConfigured, null);
        var (asked, demand) = (new List<string>(), "");
        foreach (var key in attributes.Keys)
        {
            asked.AddRange(key.Algorithms);
            demand += (demand.Length == 0 ? "" : " or ") + key.What;
        }

        var configured = issuance.KeyAlgorithm.Split(Separator);
        if (!issuance.KeyAlgorithmIsConfigured || Array.IndexOf(configured, Any) >= 0)
        {
            if (asked.Count > 0) return new(string.Join(Separator, UsualFirst(asked, configured)), false, demand);
            const string Hint = "the server must ask for an EC key on P-256, P-384 or P-521, or for RSA of 2048, 3072 or 4096 bits";
            if (!lenient) throw CsrAttributesUse.Unsatisfied($"the key {demand}", Hint);
        }

        var both = Array.FindAll(configured, asked.Contains);
        if (both.Length > 0) return new(string.Join(Separator, both), false, demand);
        var why = issuance.KeyAlgorithmIsConfigured ? "as configured (key_algorithm)" : "for want of it";
        notes.Add($"the EST server's csrattrs ask for the key {demand}; '{issuance.KeyAlgorithm}' is used, {why}");
        return new(issuance.KeyAlgorithm, !issuance.KeyAlgorithmIsConfigured, null);
    }

    /// <summary>Whether a key is of a kind that nobody but the EST server has asked for.</summary>
    public static bool IsServersOwn(CertificateIssuance issuance, byte[] subjectPublicKeyInfo)
    {
        var usual = issuance.KeyAlgorithm.Split(Separator);
        return Array.IndexOf(usual, Any) < 0 && Array.IndexOf(usual, NameOf(subjectPublicKeyInfo)) < 0;
    }

    /// <summary>Whether a key that is there already is one of these.</summary>
    public bool Allows(byte[] subjectPublicKeyInfo) =>
        IsFree || Array.IndexOf(Preferences.Split(Separator), Any) >= 0 || Array.IndexOf(Preferences.Split(Separator), NameOf(subjectPublicKeyInfo)) >= 0;

    private static List<string> UsualFirst(List<string> asked, string[] usual)
    {
        var ordered = new List<string>();
        foreach (var algorithm in usual)
        {
            if (asked.Contains(algorithm)) ordered.Add(algorithm);
        }

        foreach (var algorithm in asked)
        {
            if (!ordered.Contains(algorithm)) ordered.Add(algorithm);
        }

        return ordered;
    }

    private static string NameOf(byte[] subjectPublicKeyInfo)
    {
        var key = PublicKey.CreateFromSubjectPublicKeyInfo(subjectPublicKeyInfo, out _);
        using var ec = key.GetECDsaPublicKey();
        if (ec is not null) return $"ec-p{ec.KeySize}";
        using var rsa = key.GetRSAPublicKey();
        return rsa is not null ? $"rsa-{rsa.KeySize}" : "";
    }
}
