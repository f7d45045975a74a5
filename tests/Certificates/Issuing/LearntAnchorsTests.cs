using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EstProv.Certificates.Engine;
using EstProv.Certificates.Issuing;
using EstProv.Certificates.Store;
using EstProv.Certificates.Tests.Support;
using EstProv.Platform.Time;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace EstProv.Certificates.Tests.Issuing;

/// <summary>What is kept of learnt roots, for whom, and for how long.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class LearntAnchorsTests
{
    private static readonly DateTimeOffset Start = new(2027, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Uri Server = new("https://est.example:8443/.well-known/est/device-id");
    private static readonly Uri OtherServer = new("https://other.example/.well-known/est");

    private readonly FakeTimeProvider _time = new(Start);
    private readonly SeenEvents _events = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("anchors-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void Each_server_has_its_own_and_they_outlive_the_process()
    {
        var (old, fresh) = (new Root("Root 1"), new Root("Root 2", days: 1000));
        Open().Take(Server, [fresh.Certificate, old.Sign(fresh)], Set(old));

        var known = Open();
        Assert.That(known.Of(Server).Select(anchor => anchor.Subject), Is.EqualTo(["CN=Root 2"]));
        Assert.That(known.Of(new Uri("https://est.example:8443/.well-known/est")), Has.Count.EqualTo(1), "another label of it");
        Assert.That(known.Of(OtherServer), Is.Empty);
        var anchor = known.Of(Server)[0];
        Assert.That(anchor.LearntAt, Is.EqualTo(Start));
        Assert.That(anchor.By, Is.EqualTo("CN=Root 1"));
        Assert.That(anchor.From, Is.EqualTo(Server.ToString()));
        var file = Directory.GetFiles(Path.Combine(_folder, "anchors")).Single();
        Assert.That(Path.GetFileName(file), Is.EqualTo("https%3A%2F%2Fest.example%3A8443.anchors"));
        Assert.That(File.GetUnixFileMode(file), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    [Test]
    public void What_has_expired_is_forgotten_and_that_is_told_by_a_believed_clock_only()
    {
        var (old, fresh) = (new Root("Root 1"), new Root("Root 2", days: 30));
        Open().Take(Server, [fresh.Certificate, old.Sign(fresh)], Set(old));

        var later = Open();
        _time.Advance(TimeSpan.FromDays(31));
        Assert.That(later.Of(Server), Is.Empty);
        later.Take(Server, [old.Certificate], Set(old));
        Assert.That(_events.Await("trust", "https://est.example:8443", 2).Fields["change"], Is.EqualTo("dropped"));
        Assert.That(Open().Of(Server), Is.Empty);
        Assert.That(File.ReadAllText(Directory.GetFiles(Path.Combine(_folder, "anchors")).Single()), Does.Not.Contain("BEGIN CERTIFICATE"));
    }

    [Test]
    public void Not_more_than_eight_are_kept_and_the_first_ones_stay()
    {
        var old = new Root("Root 0");
        var learnt = Open();
        for (var i = 1; i < 12; i++)
        {
            var fresh = new Root($"Root {i}", days: 1000);
            learnt.Take(Server, [fresh.Certificate, old.Sign(fresh)], Set(old));
        }

        Assert.That(learnt.Of(Server).Select(anchor => anchor.Subject), Is.EqualTo(Enumerable.Range(1, 8).Select(i => $"CN=Root {i}")));
    }

    [Test]
    public void A_chain_of_roots_is_trusted_as_long_as_its_first_one_is()
    {
        var (first, second, third) = (new Root("Root 1"), new Root("Root 2", days: 500), new Root("Root 3", days: 1000));
        var learnt = Open();
        learnt.Take(Server, [second.Certificate, first.Sign(second), third.Certificate, second.Sign(third)], Set(first));

        Assert.That(LearntAnchors.WithLineage(learnt.Of(Server), [first.Certificate]), Has.Count.EqualTo(2));
        Assert.That(LearntAnchors.WithLineage(learnt.Of(Server), [second.Certificate]).Select(anchor => anchor.Subject), Is.EqualTo(["CN=Root 3"]));
        Assert.That(LearntAnchors.WithLineage(learnt.Of(Server), [new Root("Root 1").Certificate]), Is.Empty, "a namesake");
        Assert.That(learnt.AdditionsTo(PemText.Of([first.Certificate])), Is.EqualTo(PemText.Of([second.Certificate, third.Certificate])));
        Assert.That(learnt.AdditionsTo(PemText.Of([first.Certificate, third.Certificate])), Is.EqualTo(PemText.Of([second.Certificate])));
        Assert.That(learnt.AdditionsTo(PemText.Of([new Root("other").Certificate])), Is.Empty);
        Assert.That(learnt.AdditionsTo("no certificate"), Is.Empty);
    }

    [Test]
    public void The_server_is_asked_again_more_often_as_the_end_comes_nearer_and_not_before_half_a_year()
    {
        var (old, issuing) = (new Root("Root 1", days: 2000), new Root("Issuing", days: 3000));
        var learnt = Open();
        learnt.Take(Server, [issuing.Certificate], Set(old));
        var asked = new List<double>();
        for (var day = 0; day < 2000; day++)
        {
            if (learnt.Due([Server, OtherServer]) is [var origin])
            {
                Assert.That(origin, Is.EqualTo("https://est.example:8443"));
                learnt.MarkAsked(origin);
                asked.Add(2000 - day);
            }

            _time.Advance(TimeSpan.FromDays(1));
        }

        Assert.That(asked[0], Is.InRange(90, 180));
        Assert.That(asked, Has.Count.InRange(20, 40));
        Assert.That(asked[^1], Is.EqualTo(1).Within(1));
        Assert.That(learnt.Due([Server, OtherServer]), Has.Count.LessThanOrEqualTo(1));
    }

    [Test]
    public void Nothing_is_written_where_nothing_is_new()
    {
        var (old, fresh) = (new Root("Root 1"), new Root("Root 2", days: 1000));
        var learnt = Open();
        learnt.Take(Server, [fresh.Certificate, old.Sign(fresh)], Set(old));
        var file = Directory.GetFiles(Path.Combine(_folder, "anchors")).Single();
        File.Delete(file);
        learnt.Take(Server, [fresh.Certificate, old.Sign(fresh), new Root("Issuing", days: 3000).Certificate], Set(old, fresh));
        learnt.Take(Server, [new Root("Issuing", days: 3000).Certificate], Set(old, fresh));

        Assert.That(File.Exists(file), Is.False);
    }

    private LearntAnchors Open() => new(new AnchorStore(_folder, NullLogger.Instance), new BelievedClock(_time, Start - TimeSpan.FromDays(10)),
        new CertificateEvents(NullLogger.Instance, _events.Publish), new Random(1));

    private static AnchorSet Set(params Root[] roots)
    {
        var anchors = new X509Certificate2Collection();
        foreach (var root in roots) anchors.Add(root.Certificate);
        return new AnchorSet(anchors, [], "");
    }

    private sealed class Root
    {
        private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        public Root(string name, int days = 5000)
        {
            using var certificate = Request($"CN={name}", _key).CreateSelfSigned(Start - TimeSpan.FromDays(1), Start + TimeSpan.FromDays(days));
            Certificate = X509CertificateLoader.LoadCertificate(certificate.RawData);
        }

        public X509Certificate2 Certificate { get; }

        public X509Certificate2 Sign(Root other) => Request(other.Certificate.Subject, other._key).Create(
            Certificate.SubjectName, X509SignatureGenerator.CreateForECDsa(_key), Start - TimeSpan.FromDays(1), Start + TimeSpan.FromDays(20), [1, 2]);

        private static CertificateRequest Request(string subject, ECDsa key)
        {
            var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
            return request;
        }
    }
}
