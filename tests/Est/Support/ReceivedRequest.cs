using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace EstProv.Est.Tests.Support;

/// <summary>A request as it came over the wire.</summary>
internal sealed record ReceivedRequest(string Method, string Path, IReadOnlyDictionary<string, string> Headers, byte[] Body, int Connection,
    X509Certificate2? ClientCertificate, int ClientChainLength)
{
    /// <summary>Base64 of the session's tls-unique as the server has it; null with TLS 1.3.</summary>
    public string? TlsUnique { get; init; }

    public string BodyText => Encoding.Latin1.GetString(Body);

    public byte[] Pkcs10 => Convert.FromBase64String(BodyText);
}
