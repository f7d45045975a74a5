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

    [Test]
    public void Members_of_a_group_are_those_of_the_machines_list_and_who_has_it_as_his_own()
    {
        Assert.That(Users.IsInGroup(0, "root"), Is.True);
        Assert.That(Users.IsInGroup(0, "estprov-nobody-here"), Is.False);
        Assert.That(Users.IsInGroup(4_000_000_000, "root"), Is.False);
        foreach (var fields in File.ReadLines("/etc/group").Select(static line => line.Split(':')))
        {
            var members = fields[3].Split(',', StringSplitOptions.RemoveEmptyEntries);
            foreach (var member in members)
            {
                if (Users.FindUser(member) is { } uid) Assert.That(Users.IsInGroup(uid, fields[0]), Is.True, $"{member} in {fields[0]}");
            }

            if (fields[0] == "nogroup" || Users.FindUser("nobody") is not { } nobody || members.Contains("nobody")) continue;
            Assert.That(Users.IsInGroup(nobody, fields[0]), Is.False, fields[0]);
        }
    }
}
