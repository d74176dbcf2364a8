using System.Text.Json;
using System.Text.Json.Serialization;

namespace EdgeSdk.Models;

/// <summary>A model folder's <c>edge.json</c>: what the model is, what its graphs' inputs and outputs are called, and the hashes of its files.</summary>
internal sealed record EdgeManifest
{
    /// <summary>What the file is called.</summary>
    public const string FileName = "edge.json";

    /// <summary>The format that this code reads and writes.</summary>
    public const int CurrentFormat = 1;

    public required int Format { get; init; }

    /// <summary>For people.</summary>
    public required string Name { get; init; }

    /// <summary>Hugging Face's <c>model_type</c>: llama, qwen2, qwen3, deepseek_v3 ...</summary>
    public required string Architecture { get; init; }

    /// <summary>The longest text in tokens.</summary>
    public required int ContextLength { get; init; }

    /// <summary>Rows of the logits.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>SHA-256 (hex) over the tokenizer's ids; null without a tokenizer.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required string? VocabularyFingerprint { get; init; }

    /// <summary>Tokens that end a text.</summary>
    public required IReadOnlyList<int> EndTokens { get; init; }

    /// <summary>fp32, int4 ...</summary>
    public required string Precision { get; init; }

    /// <summary>Mean KL divergence from the float32 model, in nats a token, where it was measured.</summary>
    public double? Kl { get; init; }

    public required IReadOnlyList<GraphEntry> Graphs { get; init; }

    /// <summary>Every file that the model's texts depend on, in ordinal order of path.</summary>
    public required IReadOnlyList<FileEntry> Files { get; init; }

    /// <summary>SHA-256 (hex) over <see cref="Files"/>; see <see cref="ModelFiles.Identity"/>.</summary>
    public required string Identity { get; init; }

    /// <summary>When the device hands a turn over; null where nobody chose.</summary>
    public RoutingThresholds? Routing { get; init; }

    /// <summary>What the model was made from.</summary>
    public string? Source { get; init; }

    public string? Licence { get; init; }

    /// <summary>Fields that a later version wrote; kept when the file is written again.</summary>
    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Others { get; set; } // settable: the source generator asks for it

    /// <param name="File">Path in the folder.</param>
    /// <param name="Role">step: takes any number of rows over a past; prompt, mtp, encoder ... where a model has graphs of their own for them.</param>
    /// <param name="Inputs">Names of the graph's inputs by role: tokens, mask or past_length, first_logit, past_key.0, past_value.0 ...</param>
    /// <param name="Outputs">Names of its outputs by role: logits, present_key.0, present_value.0 ...</param>
    internal sealed record GraphEntry(string File, string Role, IReadOnlyDictionary<string, string> Inputs, IReadOnlyDictionary<string, string> Outputs)
    {
        /// <summary>The rows of a pass where the graph takes one number only.</summary>
        public int? Rows { get; init; }
    }

    /// <param name="Path">Path in the folder, parts divided by '/'.</param>
    /// <param name="Bytes">Its size.</param>
    /// <param name="Sha256">Its hash in lower-case hex.</param>
    internal sealed record FileEntry(string Path, long Bytes, string Sha256);
}

/// <summary>When the device, answering alone, hands a turn over to the server; chosen on held-out data.</summary>
/// <param name="Tokens">Tokens that the device holds back before it decides, at least 1.</param>
/// <param name="Threshold">It hands over where their log-probabilities add up to less than this; at most 0.</param>
/// <param name="Calls">Whether it makes calls of tools itself; false: it hands over where it begins one.</param>
internal sealed record RoutingThresholds(int Tokens, double Threshold, bool Calls = true);
