using System.Text;
using System.Text.Json;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.LocalApi;
using EstProv.Messages;

namespace EstProv.Certificates.Tests.Api;

/// <summary>What an operator has the service do, over its socket, with the rights that it takes.</summary>
public sealed class OperatorRouteTests
{
    private static string Operator => $"[[principal]]\nuid = {Users.Self}\ncerts = [\"est-id\"]\noperations = [\"rescue\", \"distrust\"]\n";

    [TestCase("forbidden-rescue", "/rescue", """{"user":"a","password":"b"}""")]
    [TestCase("forbidden-distrust", "/distrusted", """{"issuer":"CN=x"}""")]
    public async Task Nobody_may_who_is_not_listed_for_it_identityd_neither(string name, string path, string body)
    {
        await using var certd = await CertdUnderTest.StartAsync($"[[principal]]\nuid = {Users.Self}\ncerts = [\"*\"]\nissuers = [\"*\"]\n");
        var refused = certd.Refused("POST", path, body);
        Assert.That(refused.Status, Is.EqualTo(401));
        Message.Shown(name, refused, ($"user {Users.Self} ", "user 1001 "), ($"uid = {Users.Self} ", "uid = 1001 "));
    }

    [Test]
    public async Task A_rescue_a_renewal_and_a_distrust_go_over_the_socket()
    {
        await using var certd = await CertdUnderTest.StartAsync(Operator);
        await ProvisionAsync(certd);

        Assert.That(certd.Refused("POST", "/rescue", """{"user":"once","password":""}""").Status, Is.EqualTo(422));
        Message.Shown("bad_request-one-time", certd.Refused("POST", "/rescue", """{"user":"a:b","password":"x"}"""));
        Assert.That(certd.Refused("POST", "/rescue", """{"user":"once"}""").Status, Is.EqualTo(422));
        Assert.That(certd.Refused("POST", "/rescue", "[]").Status, Is.EqualTo(422));
        // The simulator offers no Basic: it is told, and given up after three times.
        var asked = Environment.TickCount64;
        using (var answer = JsonDocument.Parse(certd.Send("POST", "/rescue", """{"user":"once","password":"secret-8f3a","waitSeconds":15}""").Body))
        {
            Assert.That(Environment.TickCount64 - asked, Is.LessThan(10_000), "it is told as soon as it is known");
            Assert.That(answer.RootElement.GetProperty("state").GetString(), Is.EqualTo("pending"));
            Assert.That(answer.RootElement.GetProperty("problem").GetProperty("code").GetString(), Is.EqualTo("est_unauthorized"));
        }

        Assert.That(Kinds(certd), Is.SupersetOf(new[] { "rescue est-id", "failed est-id" }));
        Assert.That(Encoding.UTF8.GetString(certd.Send("GET", "/changes?after=0").Body), Does.Not.Contain("secret-8f3a"));

        Message.Shown("bad_issuer", certd.Refused("POST", "/distrusted", """{"issuer":"nobody"}"""));
        Assert.That(certd.Refused("POST", "/distrusted", """{"issuer":"x","undo":"yes"}""").Status, Is.EqualTo(422));
        using (var answer = JsonDocument.Parse(certd.Send("POST", "/distrusted", """{"issuer":"CN=Somebody","overSeconds":60}""").Body))
            Assert.That(answer.RootElement.GetProperty("distrusted")[0].GetProperty("by").GetString(), Is.EqualTo("command"));
        Message.Shown("distrust_locks_out",
            certd.Refused("POST", "/distrusted", $$"""{"issuer":"{{certd.Simulator.Pki.EstServer.Certificate.Subject}}"}"""));
        Assert.That(certd.Send("POST", "/distrusted", """{"issuer":"CN=Somebody","undo":true}""").Status, Is.EqualTo(200));
        Message.Shown("distrust_unknown", certd.Refused("POST", "/distrusted", """{"issuer":"CN=Somebody","undo":true}"""));
        using (var list = JsonDocument.Parse(certd.Send("GET", "/distrusted").Body)) Assert.That(list.RootElement.GetProperty("distrusted").GetArrayLength(), Is.Zero);

        Assert.That(certd.Refused("POST", "/credentials/est-id/renew", """{"now":true}""").Code, Is.EqualTo("renewed_just_now"));
        Message.Shown("not_configured-renew", certd.Refused("POST", "/credentials/nothing/renew", """{"now":true}"""));
    }

    [Test]
    public async Task A_reset_goes_over_the_socket_for_who_may_have_all_that_is_forgotten()
    {
        await using var certd = await CertdUnderTest.StartAsync($"[[principal]]\nuid = {Users.Self}\ncerts = [\"*\"]\n");
        await ProvisionAsync(certd);
        using (var answer = JsonDocument.Parse(certd.Send("GET", "/bootstraps").Body))
        {
            var one = answer.RootElement.GetProperty("bootstraps").EnumerateArray().Single();
            Assert.That((one.GetProperty("identity").GetString(), one.GetProperty("id").GetString(), one.GetProperty("subject").GetString(), one.GetProperty("validity").GetString()),
                Is.EqualTo(("est-id", "bootstrap", "CN=device-1", "valid")));
            Assert.That(one.TryGetProperty("problem", out _), Is.False);
        }

        var pem = await File.ReadAllTextAsync(certd["bootstrap.cer"]);
        var put = certd.Refused("PUT", "/certificates/bootstrap", JsonSerializer.Serialize(new Dictionary<string, string> { ["pem"] = pem }, JsonSerializerOptions.Default));
        Message.Shown("certificate_managed", put);

        Assert.That(Reset(now: false), Is.EqualTo(new[] { "device-id", "est-id" }));
        Assert.That(Kinds(certd), Has.None.EqualTo("deleted device-id"));
        Assert.That(Reset(now: true), Is.EqualTo(new[] { "device-id", "est-id" }));
        Assert.That(Kinds(certd), Has.Some.EqualTo("deleted device-id").And.Some.EqualTo("rescue est-id"));
        string?[] Reset(bool now)
        {
            using var answer = JsonDocument.Parse(certd.Send("POST", "/reset", $$"""{"now":{{(now ? "true" : "false")}},"waitSeconds":15}""").Body);
            return [.. answer.RootElement.GetProperty("ids").EnumerateArray().Select(static id => id.GetString())];
        }
    }

    [Test]
    public async Task Whether_there_is_something_newer_costs_no_certificate()
    {
        await using var certd = await CertdUnderTest.StartAsync($"[[principal]]\nuid = {Users.Self}\ncerts = [\"mine\"]\n");
        var pem = await File.ReadAllTextAsync(certd["bootstrap.cer"]);
        certd.Send("PUT", "/certificates/mine", JsonSerializer.Serialize(new Dictionary<string, string> { ["pem"] = pem }, JsonSerializerOptions.Default));
        var tag = certd.Send("GET", "/certificates/mine").Header("ETag")!;

        Assert.That(Get(certd, tag), Is.EqualTo((304, tag, 0)));
        Assert.That(Get(certd, $"\"other\", W/{tag}"), Is.EqualTo((304, tag, 0)));
        Assert.That(Get(certd, "*"), Is.EqualTo((304, tag, 0)));
        Assert.That(Get(certd, "\"other\"").Status, Is.EqualTo(200));
        certd.Stop();
        certd.Start();
        Assert.That(Get(certd, tag).Status, Is.EqualTo(304), "also after a restart");
        var other = pem + certd.Simulator.Pki.Bootstrap.Certificate.ExportCertificatePem() + "\n";
        certd.Send("PUT", "/certificates/mine", JsonSerializer.Serialize(new Dictionary<string, string> { ["pem"] = other }, JsonSerializerOptions.Default));
        Assert.That(Get(certd, tag).Status, Is.EqualTo(200), "the same leaf with another chain is something else");
    }

    [Test]
    public async Task Every_change_of_a_certificate_is_told()
    {
        await using var certd = await CertdUnderTest.StartAsync($"[[principal]]\nuid = {Users.Self}\ncerts = [\"*\"]\n");
        await ProvisionAsync(certd);
        certd.Send("PUT", "/certificates/mine", JsonSerializer.Serialize(new Dictionary<string, string> { ["pem"] = await File.ReadAllTextAsync(certd["bootstrap.cer"]) }, JsonSerializerOptions.Default));
        certd.Send("DELETE", "/certificates/mine");
        certd.Send("POST", "/certificates", JsonSerializer.Serialize(new Dictionary<string, string> { ["certId"] = "module-server", ["csr"] = Csr.Make("CN=hub").Pem }, JsonSerializerOptions.Default));
        certd.Send("DELETE", "/certificates/device-id");
        Assert.That(Kinds(certd), Is.SupersetOf(new[] { "issued est-id", "proved est-id", "committed est-id", "staged device-id", "committed device-id", "replaced mine", "deleted mine", "issued module-server", "deleted device-id" }));
    }

    private static async Task ProvisionAsync(CertdUnderTest certd)
    {
        var answer = await certd.Client.EnsureAsync("device-id", "device-id", null, TimeSpan.FromSeconds(15), CancellationToken.None);
        var spki = CertificateFacts.SpkiOf(PemText.Parse(answer.ChainPem!)[0]);
        await certd.Client.ConfirmAsync("device-id", System.Buffers.Text.Base64Url.DecodeFromChars(spki), CancellationToken.None);
    }

    private static List<string> Kinds(CertdUnderTest certd)
    {
        using var changes = JsonDocument.Parse(certd.Send("GET", "/changes?after=0").Body);
        return [.. changes.RootElement.GetProperty("changes").EnumerateArray().Select(change => $"{change.GetProperty("kind").GetString()} {change.GetProperty("subject").GetString()}")];
    }

    private static (int Status, string? Tag, int Length) Get(CertdUnderTest certd, string ifNoneMatch)
    {
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
                await socket.ConnectAsync(new System.Net.Sockets.UnixDomainSocketEndPoint(certd.Socket), cancel);
                return new System.Net.Sockets.NetworkStream(socket, ownsSocket: true);
            },
        };
        using var http = new HttpClient(handler);
        using var request = new HttpRequestMessage(HttpMethod.Get, "http://localhost/certificates/mine?api-version=2020-09-01");
        request.Headers.TryAddWithoutValidation("If-None-Match", ifNoneMatch);
        using var response = http.Send(request);
        return ((int)response.StatusCode, response.Headers.ETag?.Tag, (int)response.Content.ReadAsStream().Length);
    }
}
