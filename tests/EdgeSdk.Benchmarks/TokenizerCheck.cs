using System.Text.Json;
using Peer = Tokenizers.DotNet.Tokenizer;

namespace EdgeSdk.Benchmarks;

/// <summary>Whether the committed cases of tokenizer variants are what another version of Hugging Face's tokenizers gives, by Tokenizers.DotNet.</summary>
internal static class TokenizerCheck
{
    public static int Run()
    {
        int wrong = 0, count = 0;
        foreach (string file in Directory.EnumerateFiles(Repository.Data("tokenizers/variants"), "*.json").Order(StringComparer.Ordinal))
        {
            using var variant = JsonDocument.Parse(File.ReadAllBytes(file));
            string path = Path.GetTempFileName();
            File.WriteAllText(path, variant.RootElement.GetProperty("tokenizer").GetRawText());
            using var peer = new Peer(path);
            foreach (var item in variant.RootElement.GetProperty("cases").EnumerateArray())
            {
                string text = item[0].GetString()!;
                uint[] expected = [.. item[1].EnumerateArray().Select(i => i.GetUInt32())];
                uint[] ids = peer.Encode(text);
                string decoded = peer.Decode(expected);
                count++;
                if (!ids.SequenceEqual(expected) || (item[2].GetString() is { } whole && decoded != whole && decoded != item[3].GetString()))
                {
                    wrong++;
                    Console.WriteLine($"{Path.GetFileNameWithoutExtension(file)}: '{text}': {string.Join(' ', ids)} instead of {string.Join(' ', expected)}; '{decoded}' instead of '{item[3]}'");
                }
            }

            File.Delete(path);
        }

        Console.WriteLine($"{count - wrong} of {count} cases agree");
        return wrong == 0 ? 0 : 1;
    }
}
