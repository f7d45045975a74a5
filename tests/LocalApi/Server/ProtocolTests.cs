using System.Net.Sockets;
using EstProv.LocalApi.Tests.Support;

namespace EstProv.LocalApi.Tests.Server;

public sealed class ProtocolTests
{
    private TestServer _server = null!;

    [OneTimeSetUp]
    public void Start() => _server = new TestServer().Start();

    [OneTimeTearDown]
    public void Stop() => _server.Dispose();

    [Test]
    public void A_connection_serves_many_requests()
    {
        using var client = _server.Connect();
        for (var i = 0; i < 200; i++) Assert.That(client.Ask(RawClient.Post("/echo", $"body {i}")).Body, Is.EqualTo($"body {i}"));
    }

    [Test]
    public void A_request_may_come_byte_by_byte()
    {
        using var client = _server.Connect();
        foreach (var character in RawClient.Post("/echo", "slowly")) client.Send(character.ToString());
        Assert.That(client.Read().Body, Is.EqualTo("slowly"));
    }

    [Test]
    public void A_method_of_any_token_is_known_to_be_one_before_it_is_complete()
    {
        using var client = _server.Connect();
        client.Send("*").Send("1");
        Assert.That(client.Ask(RawClient.Get("/plain")).Body, Does.Contain("wrong_method"));
    }

    [Test]
    public void Requests_sent_together_are_answered_one_after_the_other()
    {
        using var client = _server.Connect();
        client.Send(string.Concat(Enumerable.Range(0, 300).Select(i => RawClient.Post("/echo", $"{i}"))) + RawClient.Post("/echo", "last")[..^2]);
        for (var i = 0; i < 300; i++) Assert.That(client.Read().Body, Is.EqualTo($"{i}"));
        Assert.That(client.Ask("st").Body, Is.EqualTo("last"));
    }

    [Test]
    public void A_body_of_the_largest_size_passes()
    {
        using var client = _server.Connect();
        var body = new string('x', 64 * 1024);
        Assert.That(client.Ask(RawClient.Post("/echo", body)).Body, Is.EqualTo(body));
        Assert.That(client.Ask(RawClient.Post("/echo", "small")).Body, Is.EqualTo("small"));
    }

    [Test]
    public void Connection_close_is_honoured()
    {
        using var client = _server.Connect();
        var answer = client.Ask(RawClient.Get("/plain", "Connection: keep-alive, Close\r\n"));
        Assert.Multiple(() =>
        {
            Assert.That(answer.Header("Connection"), Is.EqualTo("close"));
            Assert.That(client.IsClosed());
        });
    }

    [Test]
    public void Whoever_expects_100_continue_gets_it_before_sending_the_body()
    {
        using var client = _server.Connect();
        var request = RawClient.Post("/echo", "body", "Expect: 100-Continue\r\n");
        Assert.That(client.Ask(request[..^4]).Status, Is.EqualTo(100));
        Assert.That(client.Ask("body").Body, Is.EqualTo("body"));
    }

    [Test]
    public void Whoever_expects_100_continue_but_does_not_wait_gets_only_the_answer()
    {
        using var client = _server.Connect();
        Assert.That(client.Ask(RawClient.Post("/echo", "body", "Expect: 100-continue\r\n")).Status, Is.EqualTo(200));
    }

    [Test]
    public void A_client_that_has_finished_sending_still_gets_its_answer()
    {
        using var client = _server.Connect();
        client.Send(RawClient.Get("/plain"));
        client.Socket.Shutdown(SocketShutdown.Send);
        Assert.That(client.Read().Body, Is.EqualTo("plain"));
        Assert.That(client.IsClosed());
    }

    [Test]
    public void The_answer_to_HEAD_has_no_body()
    {
        using var client = _server.Connect();
        client.Send("HEAD /plain?api-version=2020-09-01 HTTP/1.1\r\nHost: x\r\n\r\n");
        using var stream = new NetworkStream(client.Socket);
        using var reader = new StreamReader(stream);
        Assert.That(reader.ReadToEnd(), Does.StartWith("HTTP/1.1 400 ").And.EndWith("\r\n\r\n"));
    }

    [Test]
    public void A_client_whose_large_body_is_refused_can_send_it_to_its_end_and_read_why()
    {
        using var client = _server.Connect();
        Assert.That(client.Ask(RawClient.Post("/echo", new string('x', 400_000))).Status, Is.EqualTo(413));
    }

    [Test]
    public void A_client_that_breaks_off_half_way_harms_nobody()
    {
        for (var i = 0; i < 50; i++)
        {
            using var client = _server.Connect();
            client.Send(RawClient.Post("/echo", "body")[..^(i + 1)]);
        }

        using var other = _server.Connect();
        // Until the server has noticed, they count as requests in progress.
        Eventually.Is(() => other.Ask(RawClient.Get("/plain")).Body == "plain", "another is served");
    }
}
