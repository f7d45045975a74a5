using EstProv.Configuration.Keyd;
using EstProv.Keys.Authorization;
using EstProv.LocalApi.Access;
using EstProv.Platform;
using Microsoft.Extensions.Logging.Abstractions;

namespace EstProv.Keys.Tests;

public sealed class AuthorizationTests
{
    [Test]
    public void Rights_are_told_apart_and_nobody_is_admitted_silently()
    {
        var authorizer = Make(new KeyPrincipal { Uid = 7, Keys = ["a*"], Rights = KeyRights.Use }, new KeyPrincipal { Uid = 7, Keys = ["b"], Rights = KeyRights.Delete });
        Assert.Multiple(() =>
        {
            Assert.That(authorizer.IsAllowed(7, "abc", KeyRights.Use));
            Assert.That(authorizer.IsAllowed(7, "abc", KeyRights.Generate), Is.False);
            Assert.That(authorizer.IsAllowed(7, "abc", KeyRights.Delete), Is.False);
            Assert.That(authorizer.IsAllowed(7, "b", KeyRights.Delete));
            Assert.That(authorizer.IsAllowed(7, "b", KeyRights.Use), Is.False);
            Assert.That(authorizer.IsAllowed(0, "abc", KeyRights.Use), Is.False, "root");
        });
    }

    [Test]
    public void A_right_to_a_derived_key_is_none_to_its_base_key_nor_to_another_one_derived_from_it()
    {
        var rules = new KeyRules([new KeyPrincipal { Uid = 7, Keys = ["master/firmware:*", "m*z"], Rights = KeyRights.Use }]);
        Assert.Multiple(() =>
        {
            Assert.That(rules.AllowDerived(7, "master", "firmware:1:primary"u8, KeyRights.Use));
            Assert.That(rules.AllowDerived(7, "master", "firmware2:1:primary"u8, KeyRights.Use), Is.False);
            Assert.That(rules.AllowDerived(7, "master", "firmware:1:primary"u8, KeyRights.Export), Is.False);
            Assert.That(rules.AllowDerived(7, "other", "firmware:1:primary"u8, KeyRights.Use), Is.False);
            Assert.That(rules.AllowDerived(8, "master", "firmware:1:primary"u8, KeyRights.Use), Is.False);
            Assert.That(rules.AllowDerived(7, "master", "fizz"u8, KeyRights.Use), Is.False, "a pattern of key ids");
            Assert.That(rules.AllowDerived(7, "master", "firmware:\n"u8, KeyRights.Use), Is.False, "not printable");
            Assert.That(rules.Allow(7, "master", KeyRights.Use), Is.False);
        });
    }

    [Test]
    public void A_denial_says_who_and_which_key()
    {
        var problem = Assert.Throws<ProblemException>(() => Make().Demand(new Caller(1000, 42), "device-id", KeyRights.Use))!;
        Assert.That(problem.Status, Is.EqualTo(401));
        Assert.That(problem.Code, Is.EqualTo("forbidden"));
        Assert.That(problem.Message, Is.EqualTo("user 1000 is not authorized to access the key device-id"));
    }

    [Test]
    public void The_two_daemons_are_admitted_to_what_they_need()
    {
        var authorizer = Make([.. DefaultPrincipals.AddTo([], static name => name == "estprov-certd" ? 101u : 102u, self: 100)]);
        Assert.Multiple(() =>
        {
            Assert.That(authorizer.IsAllowed(101, "any", KeyRights.Use | KeyRights.Generate | KeyRights.Delete));
            Assert.That(authorizer.IsAllowed(102, "device-id", KeyRights.Use | KeyRights.Generate));
            Assert.That(authorizer.IsAllowed(102, "aziot_identityd_master_id", KeyRights.Use));
            Assert.That(authorizer.IsAllowed(102, "aziot_identityd_master_id", KeyRights.Generate));
            Assert.That(authorizer.IsAllowed(102, "aziot_identityd_master_id", KeyRights.Export), "of what is derived from it");
            Assert.That(authorizer.IsAllowed(102, "aziot_identityd_other", KeyRights.Export), Is.False);
            Assert.That(authorizer.IsAllowed(102, "device-id", KeyRights.Export), Is.False);
            Assert.That(authorizer.IsAllowed(102, "est-id", KeyRights.Use), Is.False);
            Assert.That(authorizer.IsAllowed(102, "device-id", KeyRights.Delete), Is.False);
            Assert.That(authorizer.IsAllowed(100, "device-id", KeyRights.Use), Is.False, "the Key Service's own user");
        });
    }

    [Test]
    public void Who_is_listed_has_the_rights_listed_and_no_others()
    {
        var listed = new KeyPrincipal { Uid = 101, Keys = ["est-id"], Rights = KeyRights.Use };
        var authorizer = Make([.. DefaultPrincipals.AddTo([listed], static _ => 101u, self: 100)]);
        Assert.That(authorizer.IsAllowed(101, "device-ca", KeyRights.Use), Is.False);
        Assert.That(authorizer.IsAllowed(101, "est-id", KeyRights.Use));
    }

    [Test]
    public void Without_the_daemons_users_the_own_user_takes_their_place()
    {
        var authorizer = Make([.. DefaultPrincipals.AddTo([], static _ => null, self: 100)]);
        Assert.That(authorizer.IsAllowed(100, "any", KeyRights.Delete));
        Assert.That(authorizer.IsAllowed(0, "any", KeyRights.Use), Is.False);
    }

    [Test]
    public void Several_entries_for_one_user_add_up_and_an_entry_for_another_gives_him_nothing()
    {
        var authorizer = Make(
            new KeyPrincipal { Uid = 7, Keys = ["a"], Rights = KeyRights.Use },
            new KeyPrincipal { Uid = 7, Keys = ["a"], Rights = KeyRights.Use },
            new KeyPrincipal { Uid = 7, Keys = ["b"], Rights = KeyRights.Use | KeyRights.Export },
            new KeyPrincipal { Uid = 8, Keys = ["*"], Rights = KeyRights.Delete });
        Assert.Multiple(() =>
        {
            Assert.That(authorizer.IsAllowed(7, "a", KeyRights.Use));
            Assert.That(authorizer.IsAllowed(7, "b", KeyRights.Export));
            Assert.That(authorizer.IsAllowed(7, "a", KeyRights.Export), Is.False, "a right holds for the keys of its own entry");
            Assert.That(authorizer.IsAllowed(7, "a", KeyRights.Delete), Is.False);
        });
    }

    [Test]
    public void Rules_that_change_hold_from_the_next_decision_on()
    {
        var rules = new KeyRules([]);
        var authorizer = new Authorizer(() => rules, new DenialLog(NullLogger.Instance, TimeProvider.System));
        Assert.That(authorizer.IsAllowed(7, "a", KeyRights.Use), Is.False);
        rules = new KeyRules([new KeyPrincipal { Uid = 7, Keys = ["a"], Rights = KeyRights.Use }]);
        Assert.That(authorizer.IsAllowed(7, "a", KeyRights.Use));
    }

    private static Authorizer Make(params KeyPrincipal[] principals) => new(principals, TimeProvider.System, NullLogger.Instance);
}
