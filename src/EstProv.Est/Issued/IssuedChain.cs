using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est;

/// <summary>A certificate that was issued to us and found good.</summary>
/// <param name="Certificates">For storing and for showing to others: leaf first, then the intermediates, without the root.</param>
/// <param name="Anchor">Where the path ends.</param>
/// <param name="Notes">What differs from what was asked, but does no harm: sentences for the log.</param>
public sealed record IssuedChain(IReadOnlyList<X509Certificate2> Certificates, X509Certificate2 Anchor, IReadOnlyList<string> Notes)
{
    public X509Certificate2 Leaf => Certificates[0];

    /// <summary>PEM of <see cref="Certificates"/>, one after another, each ended by a LF.</summary>
    public string ToPem()
    {
        var text = new System.Text.StringBuilder();
        foreach (var certificate in Certificates) text.Append(certificate.ExportCertificatePem()).Append('\n');
        return text.ToString();
    }
}
