using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est.Transport;

/// <summary>The HTTP client's innards, with all that acts behind our back switched off.</summary>
internal static class TlsHandler
{
    public static SocketsHttpHandler Create(TlsServer server, ServerVerifier verifier, ConnectionStage stage) => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        PreAuthenticate = false,
        ActivityHeadersPropagator = null,
        ConnectTimeout = server.Timeout,
        ConnectCallback = (context, cancel) =>
        {
            // What was wrong with the server's last certificate says nothing about the next.
            verifier.Forget();
            return stage.ConnectAsync(context.DnsEndPoint, cancel);
        },
        PlaintextStreamFilter = stage.EstablishedAsync,
        MaxResponseHeadersLength = 32,
        MaxResponseDrainSize = 64 * 1024,
        SslOptions = Options(server, verifier),
    };

    public static SslClientAuthenticationOptions Options(TlsServer server, ServerVerifier verifier) => new()
    {
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        ClientCertificateContext = server.ClientCertificate,
        // In a resumed session many servers (all of .NET's) have the leaf only: a client certificate that needs its intermediates is
        // then refused. So each connection of such a client is a full handshake. Nor does anything begin with a session of an unverified server.
        AllowTlsResume = server.ClientCertificate is not { IntermediateCertificates.Count: > 0 } && !server.Unverified,
        RemoteCertificateValidationCallback = verifier.Verify,
        // SslStream builds a chain of its own before it asks us: without the system's store and without the network.
        CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            VerificationFlags = X509VerificationFlags.AllFlags,
        },
    };
}
