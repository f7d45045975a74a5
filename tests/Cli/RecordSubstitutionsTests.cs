using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace EstProv.Cli.Tests;

/// <summary>The committed list of what the compiler writes into records and the program never asks for is complete, and has nothing that is asked for.</summary>
public sealed class RecordSubstitutionsTests
{
    private const string File = "RecordSubstitutions.xml";

    // They are keys of dictionaries.
    private static readonly string[] Hashed = ["EstProv.Certificates.Issuing.EstSessions+Key", "EstProv.Certificates.Issuing.ShownCredential"];

    [Test]
    public void The_committed_list_names_every_record()
    {
        var text = Write();
        // With ESTPROV_ACCEPT_SUBSTITUTIONS set to its path in the source tree, the file is written anew.
        if (Environment.GetEnvironmentVariable("ESTPROV_ACCEPT_SUBSTITUTIONS") is { Length: > 0 } path) System.IO.File.WriteAllText(path, text);
        var committed = System.IO.File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, File));
        Assert.That(text, Is.EqualTo(committed), "write it anew: ESTPROV_ACCEPT_SUBSTITUTIONS=$PWD/src/EstProv/RecordSubstitutions.xml dotnet run --project tests/Cli");
    }

    [Test]
    public void No_record_that_is_a_key_of_a_dictionary_loses_its_hash()
    {
        var records = Records().Select(static type => type.FullName).ToHashSet();
        foreach (var type in Product().SelectMany(static assembly => assembly.GetTypes()))
        {
            foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Static | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly))
            {
                if (!field.FieldType.IsGenericType || field.FieldType.GetGenericTypeDefinition() is var kind && kind != typeof(Dictionary<,>) && kind != typeof(HashSet<>)) continue;
                var key = field.FieldType.GetGenericArguments()[0];
                if (records.Contains(key.FullName)) Assert.That(Hashed, Has.Member(key.FullName), $"{type.FullName}.{field.Name}");
            }
        }
    }

    private static string Write()
    {
        var text = new StringBuilder("""
            <?xml version="1.0" encoding="utf-8"?>
            <!--
              What the compiler writes into every record and this program never asks for: the members in its text (secrets may be among them), and hashes of what is no dictionary's key. A
              fiftieth of the executable. Written by tests/Cli (RecordSubstitutionsTests), which also looks for keys. The text is the type's name alone then, and a hash 0.
            -->
            <linker>

            """);
        foreach (var records in Records().GroupBy(static type => type.Assembly.GetName().Name!).OrderBy(static group => group.Key, StringComparer.Ordinal))
        {
            text.Append("  <assembly fullname=\"").Append(records.Key).Append("\">\n");
            foreach (var record in records.OrderBy(static type => type.FullName, StringComparer.Ordinal))
            {
                text.Append("    <type fullname=\"").Append(record.FullName!.Replace('+', '/')).Append("\">");
                if (IsGenerated(record, "PrintMembers")) text.Append("<method signature=\"System.Boolean PrintMembers(System.Text.StringBuilder)\" body=\"stub\" value=\"false\" />");
                if (IsGenerated(record, "GetHashCode") && !Hashed.Contains(record.FullName)) text.Append("<method signature=\"System.Int32 GetHashCode()\" body=\"stub\" value=\"0\" />");
                text.Append("</type>\n");
            }

            text.Append("  </assembly>\n");
        }

        return text.Append("</linker>\n").ToString();
    }

    private static IEnumerable<Type> Records() => Product().SelectMany(static assembly => assembly.GetTypes()).Where(static type => Declared(type, "PrintMembers") is not null);

    private static IEnumerable<Assembly> Product() => Directory.GetFiles(TestContext.CurrentContext.TestDirectory, "EstProv.*.dll").Order(StringComparer.Ordinal)
        .Where(static file => !file.Contains("Tests", StringComparison.Ordinal) && !file.Contains("Simulator", StringComparison.Ordinal))
        .Select(static file => Assembly.Load(AssemblyName.GetAssemblyName(file)));

    private static bool IsGenerated(Type record, string method) => Declared(record, method)?.IsDefined(typeof(CompilerGeneratedAttribute)) == true;

    private static MethodInfo? Declared(Type type, string method) => type
        .GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly).FirstOrDefault(found => found.Name == method);
}
