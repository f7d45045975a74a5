using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using EstProv.Simulator.Est;

namespace EstProv.Simulator.Tests.Est;

/// <summary>HTTP Digest (RFC 7616) at the EST server, with .NET's client and with credentials made by hand.</summary>
internal sealed class EstDigestTests
{
    private static readonly string Enroll = EstClient.Path("default", "simpleenroll");

    [Test]
    public async Task The_frameworks_own_Digest_client_enrols([Values(EstPasswordScheme.Digest, EstPasswordScheme.DigestSha256)] EstPasswordScheme scheme)
    {
        await using var rig = await StartAsync(scheme);
        var client = rig.Client(SimulatorService.Est, passwords: new NetworkCredential("factory", "secret"));
        using var order = new EnrollOrder("CN=dev1");

        var answer = await EstClient.EnrollAsync(client, "default", order);

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.OK));
        Assert.That(rig.Host.Recorder.Requests()[^1].Credential, Is.EqualTo("digest factory"));
    }

    [Test]
    public async Task A_wrong_password_is_refused_and_asked_for_again()
    {
        await using var rig = await StartAsync();
        var client = rig.Client(SimulatorService.Est, passwords: new NetworkCredential("factory", "wrong"));
        using var order = new EnrollOrder("CN=dev1");

        var answer = await EstClient.EnrollAsync(client, "default", order);

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That(answer.Headers.WwwAuthenticate.Single().Scheme, Is.EqualTo("Digest"));
        Assert.That(answer.Headers.WwwAuthenticate.Single().Parameter, Does.Not.Contain("stale"));
    }

    [Test]
    public async Task Basic_does_not_do_where_Digest_is_asked()
    {
        await using var rig = await StartAsync();
        using var order = new EnrollOrder("CN=dev1");

        var answer = await EstClient.EnrollAsync(rig.Client(SimulatorService.Est), "default", order, basic: "factory:secret");

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    [Test]
    public async Task The_same_credentials_are_taken_once_and_then_called_stale()
    {
        await using var rig = await StartAsync();
        var client = rig.Client(SimulatorService.Est);
        var credentials = Credentials(await NonceAsync(client), "/" + Enroll);

        var first = await SendAsync(client, credentials);
        var again = await SendAsync(client, credentials);

        Assert.That((first.StatusCode, again.StatusCode), Is.EqualTo((HttpStatusCode.OK, HttpStatusCode.Unauthorized)));
        Assert.That(again.Headers.WwwAuthenticate.Single().Parameter, Does.Contain("stale=true"));
    }

    [Test]
    public async Task A_nonce_grows_old()
    {
        await using var rig = await StartAsync();
        var client = rig.Client(SimulatorService.Est);
        var nonce = await NonceAsync(client);
        rig.Host.Clock.Offset = TimeSpan.FromMinutes(6);

        var answer = await SendAsync(client, Credentials(nonce, "/" + Enroll));

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
        Assert.That(answer.Headers.WwwAuthenticate.Single().Parameter, Does.Contain("stale=true"));
    }

    [Test]
    public async Task Credentials_for_another_path_are_worth_nothing()
    {
        await using var rig = await StartAsync();
        var client = rig.Client(SimulatorService.Est);

        var answer = await SendAsync(client, Credentials(await NonceAsync(client), "/.well-known/est/est-id/simpleenroll"));

        Assert.That(answer.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized));
    }

    private static Task<Rig> StartAsync(EstPasswordScheme scheme = EstPasswordScheme.DigestSha256) => Rig.StartWithEstAsync(e => e with
    {
        BasicUsers = new Dictionary<string, string>(StringComparer.Ordinal) { ["factory"] = "secret" },
        PasswordScheme = scheme,
    });

    private static async Task<string> NonceAsync(HttpClient client)
    {
        var challenge = (await SendAsync(client, credentials: null)).Headers.WwwAuthenticate.Single().Parameter!;
        return challenge.Split("nonce=\"")[1].Split('"')[0];
    }

    private static async Task<HttpResponseMessage> SendAsync(HttpClient client, string? credentials)
    {
        using var order = new EnrollOrder("CN=dev1");
        var request = new HttpRequestMessage(HttpMethod.Post, Enroll) { Content = new StringContent(order.Body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/pkcs10");
        request.Headers.Authorization = credentials is null ? null : new AuthenticationHeaderValue("Digest", credentials);
        return await client.SendAsync(request);
    }

    /// <summary>RFC 7616 section 3.4.1, written down once more.</summary>
    private static string Credentials(string nonce, string uri)
    {
        var response = Hash($"{Hash("factory:estrealm:secret")}:{nonce}:00000001:abc:auth:{Hash("POST:" + uri)}");
        return $"username=\"factory\", realm=\"estrealm\", nonce=\"{nonce}\", uri=\"{uri}\", qop=auth, nc=00000001, cnonce=\"abc\", algorithm=SHA-256, response=\"{response}\"";
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
