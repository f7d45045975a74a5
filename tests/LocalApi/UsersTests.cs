namespace EstProv.LocalApi.Tests;

public sealed class UsersTests
{
    [Test]
    public void Names_and_numbers_are_found_both_ways()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Users.FindUser("root"), Is.Zero);
            Assert.That(Users.FindGroup("root"), Is.Zero);
            Assert.That(Users.NameOf(0), Is.EqualTo("root"));
            Assert.That(Users.FindUser("estprov-nobody-here"), Is.Null);
            Assert.That(Users.FindGroup("estprov-nobody-here"), Is.Null);
            Assert.That(Users.NameOf(4_000_000_000), Is.Null);
        });
    }
}
