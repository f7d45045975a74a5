using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.EndToEnd.Tests.Support;

/// <summary>A module at work: it sends the hub a message with a SAS token that the Key Service has signed.</summary>
internal sealed class HubClient : IDisposable
{
    private readonly HttpClient _http;
    private readonly SimulatorFixture _simulator;
    private readonly X509Certificate2 _root;

    public HubClient(SimulatorFixture simulator)
    {
        _simulator = simulator;
        _root = X509CertificateLoader.LoadCertificateFromFile(simulator.DpsCa);
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            CustomTrustStore = { _root },
        };
        var handler = new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = policy } };
        _http = new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(60) };
    }

    /// <summary>Made as the shared access signatures of IoT Hub are: HMAC-SHA256 over resource, line feed and expiry.</summary>
    public static string Token(LocalCalls calls, string keyHandle, string resource)
    {
        var encoded = Uri.EscapeDataString(resource);
        var expiry = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds();
        var message = Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes($"{encoded}\n{expiry}"));
        var body = new { keyHandle, algorithm = "HMAC-SHA256", parameters = new { message } };
        var signed = calls.Ask("keyd", HttpMethod.Post, "/sign", body);
        return $"SharedAccessSignature sr={encoded}&sig={Uri.EscapeDataString(signed.GetProperty("signature").GetString()!)}&se={expiry}";
    }

    public HttpStatusCode Publish(string device, string module, string token)
    {
        var url = $"{_simulator.HubUrl}/devices/{device}/modules/{module}/messages/events?api-version=2021-04-12";
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new StringContent("hello") };
        request.Headers.TryAddWithoutValidation("Authorization", token);
        using var answer = _http.Send(request);
        return answer.StatusCode;
    }

    public void Dispose()
    {
        _http.Dispose();
        _root.Dispose();
    }
}
