using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Tls.Tests;

/// <summary>What a server on loopback saw of one mutually authenticated connection.</summary>
internal sealed record Handshake(X509Certificate2? ClientCertificate, IReadOnlyList<string> SentIssuers, SslProtocols Protocol)
{
    /// <summary>Both sides authenticate and exchange a byte each way: a TLS 1.3 client is done before the server has judged it.</summary>
    public static async Task<Handshake> RunAsync(TestPki pki, SslStreamCertificateContext client, SslProtocols protocol)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeAsync(listener, pki, protocol);

        using var tcp = new TcpClient();
        await tcp.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        await using var stream = new SslStream(tcp.GetStream());
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            EnabledSslProtocols = protocol,
            AllowTlsResume = false,
            ClientCertificateContext = client,
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate!.GetRawCertData().AsSpan().SequenceEqual(pki.Server.RawData),
        });
        stream.WriteByte(1);
        Assert.That(stream.ReadByte(), Is.EqualTo(2), "the server accepted the certificate");
        return await serving;
    }

    private static async Task<Handshake> ServeAsync(TcpListener listener, TestPki pki, SslProtocols protocol)
    {
        using var tcp = await listener.AcceptTcpClientAsync();
        await using var stream = new SslStream(tcp.GetStream());
        X509Certificate2? seen = null;
        List<string> sent = [];
        await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
        {
            ServerCertificate = pki.Server,
            EnabledSslProtocols = protocol,
            AllowTlsResume = false,
            ClientCertificateRequired = true,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
            {
                seen = X509CertificateLoader.LoadCertificate(certificate!.GetRawCertData());
                sent.AddRange(chain!.ChainPolicy.ExtraStore.Select(c => c.Subject));
                using var judge = new X509Chain();
                judge.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
                judge.ChainPolicy.CustomTrustStore.Add(pki.Root);
                judge.ChainPolicy.ExtraStore.AddRange(chain.ChainPolicy.ExtraStore);
                judge.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
                judge.ChainPolicy.DisableCertificateDownloads = true;
                return judge.Build(seen);
            },
        });
        Assert.That(stream.ReadByte(), Is.EqualTo(1));
        stream.WriteByte(2);
        return new Handshake(seen, sent, stream.SslProtocol);
    }
}
