using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Paths;

namespace EstProv.Est;

/// <summary>Subject and SAN as issued against what was asked for.</summary>
internal static class IssuedNotes
{
    private const string SubjectAlternativeName = "2.5.29.17";

    public static IReadOnlyList<string> Compare(X509Certificate2 leaf, X500DistinguishedName? subject, X509Extension? alternativeNames)
    {
        var notes = new List<string>();
        // By text, since a server may encode the same name with another string type.
        if (subject is not null && !string.Equals(subject.Name, leaf.SubjectName.Name, StringComparison.Ordinal))
        {
            notes.Add($"the subject asked for was '{Names.Name(subject)}', the server issued '{Names.Subject(leaf)}'");
        }

        if (alternativeNames is null) return notes;
        var issued = leaf.Extensions[SubjectAlternativeName];
        if (issued is null) notes.Add("the server left out the alternative names (SAN) that were asked for");
        else if (!issued.RawData.AsSpan().SequenceEqual(alternativeNames.RawData)) notes.Add("the server issued other alternative names (SAN) than asked for");
        return notes;
    }
}
