using EstProv.Simulator;
using EstProv.Simulator.Est;
using EstProv.Simulator.Pki;

namespace EstProv.EndToEnd.Tests.Support;

/// <summary>The simulator in this process, on ports of its own, and the operator's CA beside it.</summary>
internal sealed class SimulatorFixture : IDisposable
{
    private readonly Dictionary<string, string> _basicUsers = [];
    private SimulatorOptions _options;
    private SimulatorHost? _host;

    public SimulatorFixture(Func<SimulatorOptions, SimulatorOptions>? change = null)
    {
        Data = Directory.CreateTempSubdirectory("estprov-simulator-").FullName;
        _options = new SimulatorOptions
        {
            Data = Data,
            EstHost = "localhost",
            DpsHost = "localhost",
            RetryAfter = 0,
            AssigningPolls = 1,
            Est = new EstOptions { BasicUsers = _basicUsers },
        };
        if (change is not null) _options = change(_options);
        _host = SimulatorHost.StartAsync(_options).GetAwaiter().GetResult();
        Ports = _host.Ports;
    }

    public string Data { get; }

    public SimulatorPorts Ports { get; private set; }

    public SimulatorHost Host => _host ?? throw new InvalidOperationException("the simulator is stopped");

    public string ScopeId => _options.ScopeId;

    public string EstCa => Path.Combine(Data, "est-ca.cer");

    public string DpsCa => Path.Combine(Data, "dps-ca.cer");

    public string DpsUrl => $"https://localhost:{Ports.Dps}";

    public string HubUrl => $"https://localhost:{Ports.Hub}";

    public string EstUrl(string label) => $"https://localhost:{Ports.Est}/.well-known/est" + (label.Length == 0 ? "" : "/" + label);

    public bool IsRegisteredInHub(string device) => Host.Devices.Find(device) is not null;

    public void RequireBasic(string user, string password) => _basicUsers[user] = password;

    public void SignBootstrap(string csr, string certificate) => Sign(csr, certificate, Host.Pki.Bootstrap, "bootstrap");

    public void IssueEstId(string csr, string certificate) => Sign(csr, certificate, Host.Pki.Identity, "est-id");

    /// <summary>Off the network; <see cref="StartAgain"/> brings it back on the same ports.</summary>
    public void Stop()
    {
        _host?.DisposeAsync().AsTask().GetAwaiter().GetResult();
        _host = null;
    }

    /// <param name="without">Nobody listens at this service's port: it gets another one.</param>
    public void StartAgain(SimulatorService? without = null)
    {
        _options = _options with
        {
            EstPort = without == SimulatorService.Est ? 0 : Ports.Est,
            DpsPort = without == SimulatorService.Dps ? 0 : Ports.Dps,
            HubPort = without == SimulatorService.Hub ? 0 : Ports.Hub,
        };
        _host = SimulatorHost.StartAsync(_options).GetAwaiter().GetResult();
    }

    public void Dispose()
    {
        Stop();
        Directory.Delete(Data, recursive: true);
    }

    private void Sign(string csr, string certificate, Authority authority, string label)
    {
        var request = SigningRequest.FromFile(csr);
        using var issued = Host.Issuer.Issue(
            new IssueOrder
            {
                Request = request,
                Issuer = authority,
                Profile = EstProfile.Client,
                Validity = TimeSpan.FromDays(365),
                Label = label,
                Operation = "operator",
                EstIdentity = label == "est-id",
                AlternativeNames = request.AlternativeNames,
            },
            Host.Clock.Now);
        var pem = issued.ExportCertificatePem() + "\n";
        if (authority.Issuer is not null) pem += authority.Certificate.ExportCertificatePem() + "\n";
        File.WriteAllText(certificate, pem);
    }
}
