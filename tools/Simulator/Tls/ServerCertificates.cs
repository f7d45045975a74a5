using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using EstProv.Simulator.Faults;
using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Tls;

/// <summary>The servers' certificates, right and wrong ones, each with its own TLS context: a ticket of one does not resume under another.</summary>
internal sealed class ServerCertificates(SimulatorOptions options, SimulatorPki pki, DateTimeOffset started)
{
    private static readonly TimeSpan Age = TimeSpan.FromDays(30);
    private static readonly TimeSpan Life = TimeSpan.FromDays(3650);
    private readonly Dictionary<(SimulatorService, FaultKind?), SslStreamCertificateContext> _contexts = new();

    /// <summary>The service's certificate; <paramref name="fault"/> is one of the TLS faults or null.</summary>
    public SslStreamCertificateContext For(SimulatorService service, FaultKind? fault)
    {
        // Made under a lock: two contexts for one certificate would not share their tickets.
        lock (_contexts)
        {
            if (!_contexts.TryGetValue((service, fault), out var context))
            {
                context = Make((service, fault));
                _contexts.Add((service, fault), context);
            }

            return context;
        }
    }

    /// <summary>Its CA is another one by now.</summary>
    public void Forget(SimulatorService service)
    {
        lock (_contexts)
        {
            _contexts.Remove((service, null));
        }
    }

    private SslStreamCertificateContext Make((SimulatorService Service, FaultKind? Fault) key)
    {
        var now = started;
        var issuer = key.Service == SimulatorService.Est ? pki.EstServer : pki.CloudServer;
        var from = now - Age;
        var to = now + Life;
        string[] names = [.. Names(key.Service), "localhost", "127.0.0.1", "::1"];
        switch (key.Fault)
        {
            case FaultKind.TlsName:
                names = ["elsewhere.example"];
                break;
            case FaultKind.TlsUnknownCa:
                issuer = pki.NewStranger(now);
                break;
            case FaultKind.TlsExpired:
                to = now - TimeSpan.FromDays(1);
                break;
        }

        var certificate = CertificateMaker.MakeServer(options.KeyKind, issuer, from, to, names);
        return SslStreamCertificateContext.Create(certificate, new X509Certificate2Collection(), offline: true);
    }

    private IReadOnlyList<string> Names(SimulatorService service) => service switch
    {
        SimulatorService.Est => [options.EstHost],
        SimulatorService.Dps => [options.DpsHost],
        _ => [.. options.HubHosts, .. options.GatewayHosts],
    };

}
