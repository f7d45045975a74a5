using EstProv.LocalApi.Client;
using EstProv.LocalApi.Tests.Support;
using EstProv.Platform;

namespace EstProv.LocalApi.Tests.Metrics;

public sealed class MetricsTests
{
    [Test]
    public void What_the_server_has_counted_is_served_without_an_api_version()
    {
        using var server = new TestServer(static options => options with { Version = "1.2.3" });
        server.Server.MapMetrics(static metrics => metrics.Counter("estprov_other_total", 7));
        server.Start();
        using var client = new LocalClient(server.SocketPath, "estprov-keyd", "Key Service", TimeSpan.FromSeconds(10));
        client.Send("GET", "/plain?api-version=2020-09-01");
        Assert.That(() => client.Send("GET", "/nowhere?api-version=2020-09-01"), Throws.TypeOf<ProblemException>());
        server.Time.Advance(TimeSpan.FromSeconds(90));

        var reply = client.Send("GET", "/metrics");
        var text = System.Text.Encoding.UTF8.GetString(reply.Body);
        Assert.That(reply.ContentType, Is.EqualTo("text/plain; version=0.0.4; charset=utf-8"));
        Assert.That(text, Does.StartWith("# TYPE estprov_build_info gauge\nestprov_build_info{version=\"1.2.3\"} 1\n"));
        Assert.That(MetricsPage.Served(text), Has.Count.EqualTo(8));
        Assert.That(MetricsPage.Value(text, "estprov_uptime_seconds"), Is.EqualTo(90));
        Assert.That(MetricsPage.Value(text, "estprov_requests_total"), Is.EqualTo(3));
        Assert.That(MetricsPage.Value(text, "estprov_requests_refused_total"), Is.EqualTo(1));
        Assert.That(MetricsPage.Value(text, "estprov_requests_in_progress"), Is.EqualTo(1));
        Assert.That(MetricsPage.Value(text, "estprov_other_total"), Is.EqualTo(7));
    }

    [Test]
    public void Any_text_may_stand_in_a_label()
    {
        var text = new MetricsText().Begin("estprov_x", "gauge").Of("id", "a\"b\\c\nd", 1.5).ToString();
        Assert.That(text, Is.EqualTo("# TYPE estprov_x gauge\nestprov_x{id=\"a\\\"b\\\\c\\nd\"} 1.5\n"));
        Assert.That(MetricsPage.Served(text), Has.Count.EqualTo(1));
    }

    [Test]
    public void A_value_may_have_two_labels()
    {
        var text = new MetricsText().Begin("estprov_x", "counter").Of("id", "a\"", "result", "is\nsued", 2).ToString();
        Assert.That(text, Is.EqualTo("# TYPE estprov_x counter\nestprov_x{id=\"a\\\"\",result=\"is\\nsued\"} 2\n"));
        Assert.That(MetricsPage.Served(text), Has.Count.EqualTo(1));
        Assert.That(MetricsPage.Value(text, "estprov_x{id=\"a\\\"\",result=\"is\\nsued\"}"), Is.EqualTo(2));
    }

    [Test]
    public void Changes_are_counted_by_kind_those_included_that_are_not_kept_any_more()
    {
        var feed = new ChangeFeed(TimeProvider.System);
        for (var i = 0; i < 300; i++) feed.Publish("issued", "est-id");
        feed.Publish("failed", "device-id");
        Assert.That((feed.CountOf("issued", "est-id"), feed.CountOf("failed", "device-id"), feed.CountOf("failed", "est-id")),
            Is.EqualTo((300L, 1L, 0L)));
        Assert.That((feed.CountOf("issued"), feed.CountOf("failed"), feed.CountOf("staged")), Is.EqualTo((300L, 1L, 0L)));
    }
}
