using System.Net;
using System.Net.Sockets;
using System.Text;
using EstProv.Configuration.Identityd;
using EstProv.Identity.Tests.Support;
using EstProv.Messages;
using EstProv.Platform.Network;

namespace EstProv.Identity.Tests.Provisioning;

/// <summary>DPS and the hub through the environment's proxy.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class ProxyTests : IDisposable
{
    private readonly TestPki _pki = new("Test CA");
    private readonly TcpListener _proxy = new(IPAddress.Loopback, 0);
    private readonly List<string> _tunnels = [];

    public ProxyTests()
    {
        _proxy.Start();
        _ = ServeAsync();
    }

    public void Dispose() => _proxy.Dispose();

    [Test]
    public void Both_are_reached_by_tunnels([Values("dps", "manual")] string source, [Values("https_proxy", "HTTPS_PROXY")] string variable)
    {
        using var server = new TestDps(_pki.Server("localhost"));
        if (source == "manual") server.Script = static _ => new DpsReply(200, "[]");
        using var device = New(server, source, name => name == variable ? $"http://127.0.0.1:{((IPEndPoint)_proxy.LocalEndpoint).Port}"
            : null);
        device.Start().UntilSettled();
        Assert.That(_tunnels, Is.EqualTo(new[] { $"CONNECT localhost:{server.Port} HTTP/1.1" }));
    }

    [Test]
    public void What_no_proxy_names_is_reached_directly([Values("dps", "manual")] string source)
    {
        using var server = new TestDps(_pki.Server("localhost"));
        if (source == "manual") server.Script = static _ => new DpsReply(200, "[]");
        using var device = New(server, source, static name
            => name switch { "https_proxy" => "http://127.0.0.1:1", "no_proxy" => "localhost", _ => null });
        device.Start().UntilSettled();
        Assert.That(_tunnels, Is.Empty);
    }

    [TestCase("dps", "dps_proxy")]
    [TestCase("manual", "hub_proxy")]
    public void A_proxy_that_is_down_is_named(string source, string code)
    {
        using var server = new TestDps(_pki.Server("localhost"));
        using var device = New(server, source, static name => name == "https_proxy" ? "http://127.0.0.1:1" : null);
        device.Time.Hold = static wait => wait > TimeSpan.FromMilliseconds(700);
        Message.Shown(code, device.Start().UntilProblem(code).Problem!);
    }

    private Device New(TestDps server, string source, Func<string, string?> environment)
    {
        ProvisioningSettings settings = source == "dps" ? Device.Dps(server.Url) : Device.Manual(server.Url);
        var device = new Device(_pki.Root, settings, proxies: ProxyChoice.OfEnvironment(environment));
        device.Certd.Staged = _pki.Device("dev-1");
        return device;
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true) _ = TunnelAsync(await _proxy.AcceptTcpClientAsync());
        }
        catch (Exception cause) when (cause is SocketException or ObjectDisposedException)
        {
            return;
        }
    }

    private async Task TunnelAsync(TcpClient client)
    {
        using (client)
        {
            var stream = client.GetStream();
            var head = new StringBuilder();
            var one = new byte[1];
            while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal)
                && await stream.ReadAsync(one) == 1) head.Append((char)one[0]);
            var line = head.ToString().Split("\r\n")[0];
            _tunnels.Add(line);
            using var server = new TcpClient("localhost",
                int.Parse(line.Split(' ')[1].Split(':')[1], System.Globalization.CultureInfo.InvariantCulture));
            await stream.WriteAsync("HTTP/1.1 200 OK\r\n\r\n"u8.ToArray());
            await Task.WhenAny(stream.CopyToAsync(server.GetStream()), server.GetStream().CopyToAsync(stream));
        }
    }
}
