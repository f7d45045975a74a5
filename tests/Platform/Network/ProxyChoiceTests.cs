using EstProv.Platform.Network;

namespace EstProv.Platform.Tests.Network;

public sealed class ProxyChoiceTests
{
    [TestCase("*", "est.example", 443, true)]
    [TestCase("est.example", "est.example", 443, true)]
    [TestCase("EST.Example", "est.example.", 443, true)]
    [TestCase("example", "est.example", 443, true)]
    [TestCase(".example", "est.example", 443, true)]
    [TestCase("*.example", "est.example", 443, true)]
    [TestCase(".example", "example", 443, true)]
    [TestCase("ample", "est.example", 443, false)]
    [TestCase("est.example.org", "est.example", 443, false)]
    [TestCase("est.example:443", "est.example", 443, true)]
    [TestCase("est.example:8443", "est.example", 443, false)]
    [TestCase("a, b\t, est.example ,c", "est.example", 443, true)]
    [TestCase("10.0.0.0/8", "10.1.2.3", 443, true)]
    [TestCase("10.0.0.0/8", "11.1.2.3", 443, false)]
    [TestCase("10.1.2.3", "10.1.2.3", 443, true)]
    [TestCase("1.2.3", "10.1.2.3", 443, false)]
    [TestCase("2.3", "10.1.2.3", 443, false)]
    [TestCase("10.0.0.0/99", "10.1.2.3", 443, false)]
    [TestCase("::1", "[::1]", 443, true)]
    [TestCase("[::1]", "::1", 443, true)]
    [TestCase("[::1]:8443", "[::1]", 8443, true)]
    [TestCase("[::1]:8443", "[::1]", 443, false)]
    [TestCase("fd00::/8", "[fd12::5]", 443, true)]
    [TestCase("fd00::/8", "[fe80::5]", 443, false)]
    [TestCase(":443", "est.example", 443, false)]
    [TestCase(".", "est.example", 443, false)]
    [TestCase("*.", "est.example", 443, false)]
    [TestCase(",, ,", "est.example", 443, false)]
    [TestCase(null, "est.example", 443, false)]
    public void The_exceptions_are_hosts_what_is_below_them_addresses_and_networks(string? list, string host, int port, bool direct)
    {
        var choice = ProxyChoice.OfEnvironment(name => name switch
        {
            "HTTPS_PROXY" => "proxy.example:3128",
            "NO_PROXY" => list,
            _ => null,
        });

        Assert.That(choice.For(host, port) is null, Is.EqualTo(direct));
    }

    [TestCase("http://proxy.example:3128", "proxy.example:3128", null)]
    [TestCase("proxy.example:3128", "proxy.example:3128", null)]
    [TestCase("http://proxy.example/", "proxy.example:80", null)]
    [TestCase("http://[::1]:3128", "[::1]:3128", null)]
    [TestCase("http://user:pa%20ss@proxy.example:3128", "proxy.example:3128", "Basic dXNlcjpwYSBzcw==")]
    [TestCase("http://user@proxy.example:3128", "proxy.example:3128", "Basic dXNlcjo=")]
    public void A_proxy_is_a_host_a_port_and_perhaps_a_user(string url, string shown, string? authorization)
    {
        Assert.That(HttpProxy.Parse(url, out var proxy), Is.Null);
        Assert.That((proxy!.ToString(), proxy.Authorization), Is.EqualTo((shown, authorization)));
    }

    [TestCase("https://user:secret@proxy.example")]
    [TestCase("socks5://user:secret@proxy.example")]
    [TestCase("http://user:secret@")]
    [TestCase("http://user:secret@proxy.example/path")]
    [TestCase("http://user:secret@proxy.example?x")]
    [TestCase("http://user:se cret@proxy.example")]
    [TestCase("http://user:secret@proxy.example:99999")]
    public void What_is_none_is_told_when_it_is_used_without_a_password_in_the_words(string url)
    {
        var choice = ProxyChoice.OfEnvironment(name => name == "https_proxy" ? url : null);

        var problem = Assert.Throws<ProblemException>(() => choice.For("est.example", 443))!;

        Assert.That(problem.Code, Is.EqualTo("proxy_bad_url"));
        Assert.That(problem.Message, Does.Contain("est.example:443").And.Contains("https_proxy").And.Not.Contains("cret"));
    }

    [Test]
    public void The_variable_in_small_letters_comes_first_and_an_empty_one_is_none()
    {
        Assert.That(ProxyChoice.OfEnvironment(name => name == "https_proxy" ? "small:1" : name == "HTTPS_PROXY" ? "large:1" : null).For("a", 1)!.Host, Is.EqualTo("small"));
        Assert.That(ProxyChoice.OfEnvironment(_ => "").For("a", 1), Is.Null);
        Assert.That(ProxyChoice.OfEnvironment(_ => null).For("a", 1), Is.Null);
        Assert.That(ProxyChoice.Direct.For("a", 1), Is.Null);
    }
}
