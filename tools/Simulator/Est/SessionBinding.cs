using System.Formats.Asn1;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Authentication.ExtendedProtection;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Est;

/// <summary>Whether a request names the TLS session that it came over (RFC 7030 section 3.5).</summary>
internal static class SessionBinding
{
    private const string ChallengePassword = "1.2.840.113549.1.9.7";
    private const int Prefix = 32 + 11; // SecChannelBindings, then "tls-unique:"

    public static bool Holds(SigningRequest request, SslStream? tls)
    {
        if (tls is not { SslProtocol: SslProtocols.Tls12 })
        {
            return false;
        }

        using var binding = tls.TransportContext.GetChannelBinding(ChannelBindingKind.Unique);
        var asked = CertificateRequest.LoadSigningRequest(request.Der, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.UnsafeLoadCertificateExtensions);
        var attribute = asked.OtherRequestAttributes.FirstOrDefault(a => a.Oid?.Value == ChallengePassword);
        return binding is not null && attribute is not null
            && new AsnReader(attribute.RawData, AsnEncodingRules.DER).ReadCharacterString(UniversalTagNumber.PrintableString) == Convert.ToBase64String(Value(binding));
    }

    private static unsafe ReadOnlySpan<byte> Value(ChannelBinding binding)
        => new ReadOnlySpan<byte>((void*)binding.DangerousGetHandle(), binding.Size)[Prefix..];
}
