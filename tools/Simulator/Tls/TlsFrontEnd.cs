using System.Collections.Concurrent;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Faults;
using EstProv.Simulator.Recording;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace EstProv.Simulator.Tls;

/// <summary>TLS of the three services: asks for a client certificate, keeps what was shown, and makes the faults that belong to TLS.</summary>
internal sealed class TlsFrontEnd(
    SimulatorOptions options, ServerCertificates certificates, FaultBoard faults, Recorder recorder, Func<ClientIdentity, string?> judgeEstClient)
{
    // Record of an alert (RFC 8446 section 6): type 21, version, length 2, fatal, handshake_failure.
    private static readonly byte[] HandshakeFailure = [21, 3, 1, 0, 2, 2, 40];
    private readonly ConcurrentDictionary<string, ConnectionRecord> _open = new(StringComparer.Ordinal);

    // A resumed session brings the leaf alone; a server that keeps sessions remembers what came with it in the full handshake.
    private readonly ConcurrentDictionary<string, X509Certificate2Collection> _sentBefore = new(StringComparer.Ordinal);

    /// <summary>Configures one listener; <paramref name="service"/> null = by server name.</summary>
    public void Configure(ListenOptions listen, SimulatorService? service)
    {
        var http1Only = (options.Est.Quirks.Http1Only || options.Est.Quirks.Http10Answers) && (service is null or SimulatorService.Est);
        listen.Protocols = http1Only ? HttpProtocols.Http1 : HttpProtocols.Http1AndHttp2;
        listen.Use(next => async connection =>
        {
            var record = new ConnectionRecord { Id = connection.ConnectionId, Service = service, Context = connection };
            connection.Items[ConnectionRecord.Key] = record;
            connection.Transport = new WatchedPipe(connection.Transport, record);
            _open[record.Id] = record;
            try
            {
                await next(connection);
            }
            finally
            {
                _open.TryRemove(record.Id, out _);
                if (!record.Established)
                {
                    recorder.HandshakeFailed(record);
                }
            }
        });
        listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = OptionsForAsync });
        listen.Use(next => connection =>
        {
            var record = (ConnectionRecord)connection.Items[ConnectionRecord.Key]!;
            record.Established = true;
            connection.Transport = new StatusLinePipe(connection.Transport, record);
            recorder.HandshakeDone(record);
            return next(connection);
        });
    }

    public int OpenConnections(SimulatorService service)
    {
        var count = 0;
        foreach (var record in _open.Values)
        {
            if (record.Service == service)
            {
                count++;
            }
        }

        return count;
    }

    /// <summary>Closes the connections of a service (null = all), so that the next request makes a handshake.</summary>
    public void CloseConnections(SimulatorService? service)
    {
        foreach (var record in _open.Values)
        {
            if (service is null || record.Service == service)
            {
                record.Context!.Abort(new ConnectionAbortedException("closed by the control plane"));
            }
        }
    }

    /// <summary>The service by its host name; null = none of ours.</summary>
    public SimulatorService? ByName(string? name)
    {
        if (string.IsNullOrEmpty(name))
        {
            return null;
        }

        if (name.Equals(options.EstHost, StringComparison.OrdinalIgnoreCase))
        {
            return SimulatorService.Est;
        }

        if (name.Equals(options.DpsHost, StringComparison.OrdinalIgnoreCase))
        {
            return SimulatorService.Dps;
        }

        var isHub = options.HubHosts.Contains(name, StringComparer.OrdinalIgnoreCase);
        return isHub || options.GatewayHosts.Contains(name, StringComparer.OrdinalIgnoreCase) ? SimulatorService.Hub : null;
    }

    private async ValueTask<SslServerAuthenticationOptions> OptionsForAsync(TlsHandshakeCallbackContext context)
    {
        var record = (ConnectionRecord)context.Connection.Items[ConnectionRecord.Key]!;
        record.Tls = context.SslStream;
        record.Service ??= ByName(context.ClientHelloInfo.ServerName);
        var service = record.Service ?? SimulatorService.Est;
        var fault = faults.Take(
            new FaultPoint { Service = service }, FaultKind.TlsName, FaultKind.TlsUnknownCa, FaultKind.TlsExpired, FaultKind.TlsAlert, FaultKind.TlsClientAlert);
        var certificate = certificates.For(service, fault?.Kind is FaultKind.TlsName or FaultKind.TlsUnknownCa or FaultKind.TlsExpired ? fault.Kind : null);
        if (fault is { Kind: FaultKind.TlsAlert })
        {
            await context.Connection.Transport.Output.WriteAsync(HandshakeFailure);
            throw new AuthenticationException("handshake refused by a fault");
        }

        var quirks = options.Est.Quirks;
        var judges = service == SimulatorService.Est && quirks.VerifyInHandshake;
        if (judges || fault is { Kind: FaultKind.TlsClientAlert })
        {
            record.AtFirstBytes = () => NativeVerdict.Install(context.SslStream, client => Judge(record, client, fault));
        }

        return new SslServerAuthenticationOptions
        {
            ServerCertificateContext = certificate,
            ClientCertificateRequired = true,
            EnabledSslProtocols = service == SimulatorService.Est && quirks.Tls12Only ? SslProtocols.Tls12 : SslProtocols.Tls12 | SslProtocols.Tls13,
            CertificateChainPolicy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true },
            RemoteCertificateValidationCallback = (_, certificate, chain, _) => Accept(record, certificate, chain),
        };
    }

    private bool Accept(ConnectionRecord record, X509Certificate? certificate, X509Chain? chain)
    {
        if (certificate is null)
        {
            return true;
        }

        var leaf = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        var sent = new X509Certificate2Collection();
        foreach (var other in chain?.ChainPolicy.ExtraStore ?? [])
        {
            if (!other.RawDataMemory.Span.SequenceEqual(leaf.RawDataMemory.Span))
            {
                sent.Add(X509CertificateLoader.LoadCertificate(other.RawData));
            }
        }

        if (record.Resumed == true)
        {
            sent = _sentBefore.GetValueOrDefault(leaf.Thumbprint, sent);
        }
        else
        {
            _sentBefore[leaf.Thumbprint] = sent;
        }

        record.Client = new ClientIdentity(leaf, sent);
        return true;
    }

    private bool Judge(ConnectionRecord record, ClientIdentity client, FaultRule? fault)
    {
        record.Client = client;
        return fault is not { Kind: FaultKind.TlsClientAlert } && judgeEstClient(client) is null;
    }
}
