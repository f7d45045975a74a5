using EstProv.Fleet.Reports;

namespace EstProv.Fleet.Tests;

public sealed class TimelineTests
{
    [Test]
    public void The_picture_of_the_page_about_renewal_is_what_the_policy_does() => Assert.That(
        Timeline.Draw(), Is.EqualTo(File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "renewal.svg"))),
        "draw it anew: dotnet run --project tools/fleet -- --timeline src/EstProv.Certificates/renewal.svg");
}
