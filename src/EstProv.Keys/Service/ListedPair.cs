using System.Runtime.InteropServices;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Keys.Service;

/// <summary>A key pair of a list: of the keys that a caller may use, or of one that nobody can look at now.</summary>
/// <param name="State"><c>current</c>, <c>next</c> or <c>previous</c>.</param>
/// <param name="Public">Null where <paramref name="Problem"/> says why.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ListedPair(string KeyId, string State, PublicKeyInfo? Public, ProblemException? Problem);
