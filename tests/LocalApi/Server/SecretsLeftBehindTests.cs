using System.Net;
using System.Text;
using EstProv.LocalApi.Tests.Support;

namespace EstProv.LocalApi.Tests.Server;

public sealed class SecretsLeftBehindTests
{
    private const string Secret = "bm90IGZvciBhbnlib2R5";
    private static readonly byte[] SecretBytes = Encoding.ASCII.GetBytes(Secret);

    [TestCase(20)]
    [TestCase(20_000)]
    public void The_body_of_a_request_that_is_secret_is_zeroed_once_it_is_answered(int padding)
    {
        ReadOnlyMemory<byte> body = default;
        using var server = new TestServer().Map("POST", "/secret", (request, response) =>
        {
            request.Secret = true;
            body = request.Body;
            response.NoContent();
        }).Start();
        using var client = server.Connect();
        var text = Secret + new string('x', padding);
        var answer = client.Ask(RawClient.Post("/secret", text));
        Assert.That(answer.Status, Is.EqualTo(204));
        Eventually.Is(() => body.Span.IndexOfAnyExcept((byte)0) == -1, "the body is zeroed");
    }

    [Test]
    public void Another_body_is_left_as_it_is_and_what_follows_a_secret_one_is_read()
    {
        ReadOnlyMemory<byte> body = default;
        var seen = "";
        using var server = new TestServer()
            .Map("POST", "/secret", (request, response) =>
            {
                request.Secret = true;
                seen += Encoding.ASCII.GetString(request.Body.Span);
                response.NoContent();
            })
            .Map("POST", "/plain-body", (request, response) =>
            {
                body = request.Body;
                seen += Encoding.ASCII.GetString(request.Body.Span);
                response.NoContent();
            }).Start();
        using var client = server.Connect();
        client.Send(RawClient.Post("/secret", "one") + RawClient.Post("/plain-body", "two") + RawClient.Post("/secret", "three") + RawClient.Post("/plain-body", "four"));
        for (var i = 0; i < 4; i++) Assert.That(client.Read().Status, Is.EqualTo((int)HttpStatusCode.NoContent));
        Assert.That(seen, Is.EqualTo("onetwothreefour"));
        Assert.That(Encoding.ASCII.GetString(body.Span), Is.EqualTo("four"));
    }

    [Test]
    public void What_a_handler_makes_after_its_deadline_is_zeroed_at_once()
    {
        Memory<byte> made = default;
        using var gate = new ManualResetEventSlim();
        using var entered = new ManualResetEventSlim();
        using var server = new TestServer().Map("GET", "/late", (_, response) =>
        {
            response.Secret = true;
            made = response.Body.GetMemory(SecretBytes.Length);
            response.Bytes(SecretBytes, "application/octet-stream");
            entered.Set();
            gate.Wait(TimeSpan.FromSeconds(60));
        }).Start();
        using var client = server.Connect().Send(RawClient.Get("/late"));
        Assert.That(entered.Wait(TimeSpan.FromSeconds(60)));
        Assert.That(made.Span.StartsWith(SecretBytes), "it stands where the test looks");
        server.Time.Advance(TimeSpan.FromSeconds(6));
        Assert.That(client.Read().Status, Is.EqualTo(504));
        gate.Set();
        Eventually.Is(() => made.Span.IndexOf(SecretBytes) == -1, "it is zeroed");
    }
}
